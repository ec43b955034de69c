/**
 * Draws the contact sheet of docs/images/avatars.png, and measures how fast avatars are drawn.
 *
 *   npm run bench:avatars -- [avatars to draw without a cache for the time, default 0]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadAvatars } from "@mmgen/datasets/node";
import { contactSheet } from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";

const cacheDir = await mkdtemp(join(tmpdir(), "mmgen-avatars-"));
try {
  const { train } = await loadAvatars({ trainCount: 36, testCount: 0, seed: 1, cacheDir });
  await writePng("docs/images/avatars.png", contactSheet(train.images, { columns: 12, scale: 1 }));
  console.log(train.captions.slice(0, 12).join("\n"));

  const count = Number(process.argv[2] ?? 0);
  for (const state of count > 0 ? ["drawn", "read from the cache"] : []) {
    const began = performance.now();
    await loadAvatars({ trainCount: count, testCount: 0, seed: 2, cacheDir });
    console.log(`${count} avatars ${state} in ${((performance.now() - began) / 1000).toFixed(1)} s.`);
  }
} finally {
  await rm(cacheDir, { recursive: true });
}
