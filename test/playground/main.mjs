// `npm run test:playground`: uses the page of `npm run browser` in Chromium ($CHROME, else `chromium`; skipped without) as a
// person does, in every tab: by pointer, keys and files. What it shows must be what Node computes from the same seeds, axe
// must find nothing in either theme, no task of the page's thread may take more than 100 ms, but for one of each part 200, and
// nothing may be asked of another site. `-- --screenshots DIR` writes a picture of each tab.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { servePage } from "../../apps/playground/server.mjs";
import { bundle } from "../../scripts/bundle.mjs";
import { findBarriers, findChromium, launch, openPage, watchTasks } from "./browser.mjs";
import { useShell } from "./shell.mjs";
import { tabs } from "./tabs.mjs";
import { train } from "./train.mjs";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const executable = findChromium();
if (executable === undefined) {
  console.log("Skipped: there is no Chromium. Install one, or set CHROME to its path.");
  process.exit(0);
}
if (!existsSync(path("../../apps/playground/models/digits"))) {
  console.log("Skipped: there is no model in apps/playground/models/digits.");
  process.exit(0);
}
const { screenshots } = parseArgs({ options: { screenshots: { type: "string" } } }).values;
const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } };
const model = path("../../apps/playground/dist/models/digits");
const started = Date.now();
const problems = [];
const seen = [];
const { address, close } = await servePage(0);
const browser = await launch(executable);

/** Does a part of the check, and says how it went; what goes wrong in it leaves the others alone. */
async function check(name, work) {
  const before = problems.length;
  const start = Date.now();
  try {
    problems.push(...((await work()) ?? []).map((problem) => `${name}: ${problem}`));
  } catch (error) {
    problems.push(`${name}: ${error.message}`);
  }
  const wrong = problems.slice(before);
  console.log(`${wrong.length === 0 ? "right" : "WRONG"}  ${name}, ${((Date.now() - start) / 1000).toFixed(1)} s`);
  for (const problem of wrong) {
    console.log(`       ${problem}`);
  }
}

/** All that is seen of both themes, which are the same but for their colors. */
async function findBarriersInBothThemes(page) {
  const found = [];
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    found.push(...(await findBarriers(page)).map((barrier) => `${colorScheme}: ${barrier}`));
  }
  return found;
}

/** Writes a picture of what is shown for each size and theme, where pictures are asked for. */
async function photograph(page, name) {
  for (const [size, viewport] of Object.entries(screenshots === undefined ? {} : sizes)) {
    for (const colorScheme of ["light", "dark"]) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(screenshots, `${name}-${size}-${colorScheme}.png`), fullPage: true });
    }
  }
  await page.setViewportSize(sizes.desktop);
}

try {
  const { page, problems: unexpected } = await openPage(browser, address, { acceptDownloads: true });
  for (const { id, use } of tabs) {
    await check(id, async () => {
      const stop = await watchTasks(browser, page);
      let slow = [];
      try {
        await page.click(`#tab-${id}`);
        seen.push(...((await use(page)) ?? []));
      } finally {
        slow = await stop();
      }
      await photograph(page, id);
      return [...slow, ...(await findBarriersInBothThemes(page))];
    });
  }
  await check("keys, files, reload, phone", () => useShell(page, { model }));
  await check("train", async () => {
    await page.click("#tab-train");
    const stop = await watchTasks(browser, page);
    const wrong = await train(page);
    const slow = await stop();
    await photograph(page, "train");
    return [...wrong, ...slow, ...(await findBarriersInBothThemes(page))];
  });
  await check("page", async () => unexpected);
  await check("as Node computes it", async () => compare(seen));
} finally {
  await browser.close();
  close();
}
console.log(
  `${problems.length === 0 ? "All right" : `${problems.length} problems`}, ${((Date.now() - started) / 1000).toFixed(0)} s`,
);
process.exitCode = problems.length === 0 ? 0 : 1;

/** What differs from what Node computes from the same files and seeds. */
async function compare(results) {
  const script = await bundle(path("expected.ts"), "mmgen-playground/expected");
  const folder = mkdtempSync(join(tmpdir(), "mmgen-playground-"));
  try {
    const file = join(folder, "seen.json");
    writeFileSync(file, JSON.stringify(results));
    const { status, stderr, stdout } = spawnSync(process.execPath, [script, model, file], { encoding: "utf8" });
    return status === 0 ? stdout.split("\n").filter((line) => line !== "") : [stderr];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
