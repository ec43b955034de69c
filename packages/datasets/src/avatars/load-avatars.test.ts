import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AbortedError, ConfigError } from "@mmgen/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { avatarAttributes } from "./avatar-captions.js";
import { loadAvatars } from "./load-avatars.js";

let cacheDir: string;
const small = { trainCount: 6, validationCount: 2, testCount: 3, side: 16, seed: 4 };

beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "mmgen-avatars-"));
});
afterAll(() => rm(cacheDir, { recursive: true }));

describe("loadAvatars", () => {
  it("gives images whose captions say their attributes", async () => {
    const { attribution, source, ...splits } = await loadAvatars({ ...small, cacheDir });
    expect(Object.values(splits).map(({ images }) => images.count)).toEqual([6, 2, 3]);
    for (const { attributes, captions, images } of Object.values(splits)) {
      expect(images).toMatchObject({ height: 16, width: 16, channels: 3, maxValue: 255 });
      expect(avatarAttributes(captions)).toEqual(attributes);
    }
    expect(source).toContain("6 to train");
    expect(attribution).toContain("CC BY 4.0");
  });

  it("draws the same again, the first of more, and others for another seed", async () => {
    const first = await loadAvatars({ ...small, cacheDir });
    const drawn: string[] = [];
    const onMessage = (message: string) => void drawn.push(message);
    expect(await loadAvatars({ ...small, cacheDir, onMessage })).toEqual(first);
    expect(drawn).toEqual([]);
    const more = await loadAvatars({ ...small, trainCount: 8, testCount: 0, validationCount: 0, cacheDir });
    expect(more.train.images.data.subarray(0, first.train.images.data.length)).toEqual(first.train.images.data);
    const other = await loadAvatars({ ...small, seed: 5, cacheDir });
    expect(other.train.images.data).not.toEqual(first.train.images.data);
  });

  it("draws anew what is damaged in the cache", async () => {
    const first = await loadAvatars({ ...small, seed: 6, cacheDir });
    const folders = await readdir(join(cacheDir, "avatars"));
    for (const folder of folders) {
      for (const file of await readdir(join(cacheDir, "avatars", folder))) {
        const path = join(cacheDir, "avatars", folder, file);
        const bytes = await readFile(path);
        await writeFile(path, file.startsWith("train") ? bytes.subarray(0, bytes.length - 9) : "no gzip");
      }
    }
    const messages: string[] = [];
    const again = await loadAvatars({
      ...small,
      seed: 6,
      cacheDir,
      onMessage: (message) => void messages.push(message),
    });
    expect(again).toEqual(first);
    expect(messages.filter((message) => message.includes("damaged"))).toHaveLength(3);
  });

  it("goes on without a cache that cannot be written", async () => {
    const file = join(cacheDir, "file");
    await writeFile(file, "");
    const messages: string[] = [];
    const onMessage = (message: string) => void messages.push(message);
    const { train } = await loadAvatars({ ...small, cacheDir: file, onMessage });
    expect(train.images.count).toBe(6);
    expect(messages.some((message) => message.includes("not cached"))).toBe(true);
    expect((await stat(file)).size).toBe(0);
  });

  it("stops when asked, and refuses options that cannot be", async () => {
    const signal = AbortSignal.abort();
    await expect(loadAvatars({ ...small, seed: 7, cacheDir, signal })).rejects.toThrow(AbortedError);
    await expect(loadAvatars({ side: 4 })).rejects.toThrow(ConfigError);
    await expect(loadAvatars({ sides: 64 } as never)).rejects.toThrow("side");
  });
});
