/**
 * What a visitor does in the tab Train: learns from digits, pauses, reloads the page, goes on, uses the model and downloads
 * it. Alone: `node test/playground/train.mjs`, once the page is built.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { unzipSync } from "fflate";
import { bundle } from "../../scripts/bundle.mjs";

const steps = { codec: 8, transformer: 12 };
const path = (name) => fileURLToPath(new URL(name, import.meta.url));

const button = (page, name) => page.locator("#panel-train").getByRole("button", { name, exact: true });
const says = (page, text, timeout = 30_000) =>
  page.locator("#panel-train .status", { hasText: text }).first().waitFor({ timeout });
const pictures = (page, name) => page.locator("#panel-train").getByRole("group", { name }).locator("canvas");

/** Presses Pause as soon as the page tells of a step of the codec: later the training might be over. */
function pauseAtFirstStep(page) {
  return page.evaluate((total) => {
    const panel = document.querySelector("#panel-train");
    const observer = new MutationObserver(() => {
      const [chart] = panel.querySelectorAll(".loss-chart");
      const pause = [...panel.querySelectorAll("button")].find(({ textContent }) => textContent === "Pause");
      if (chart.textContent.includes(`of ${total},`) && !pause.disabled) {
        observer.disconnect();
        pause.click();
      }
    });
    observer.observe(panel, { childList: true, characterData: true, subtree: true });
  }, steps.codec);
}

/** Draws avatars, begins to learn from them, and discards what was learned. */
async function discardAvatars(page) {
  await page.getByLabel("Avatars", { exact: true }).check();
  await button(page, "Start training").click();
  await says(page, "Part 1 of 2", 120_000);
  const held = pictures(page, "Images it never saw");
  await held.nth(7).waitFor();
  await button(page, "Pause").click();
  await says(page, "Paused.");
  assert.equal(await held.count(), 8);
  assert.match(await page.locator("#panel-train .training-results").innerText(), /Micah Lanier .*CC BY 4\.0/);
  await button(page, "Discard").click();
  await button(page, "Really discard it?").click();
  await button(page, "Start training").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Start training");
}

/** Starts a training of digits of few steps. */
async function start(page) {
  await page.getByLabel("Digits", { exact: true }).check();
  await page.locator("#panel-train summary").click();
  await page.getByLabel("Steps of the image codec").fill(String(steps.codec));
  await page.getByLabel("Steps of the transformer").fill(String(steps.transformer));
  await page.locator("#panel-train").getByLabel("Seed").fill("3");
  await pauseAtFirstStep(page);
  await button(page, "Start training").click();
}

/** Finds the paused training again after a reload. */
async function findAgain(page) {
  const chart = page.locator("#panel-train .loss-chart", { hasText: "Image codec" });
  await says(page, "Paused.", 120_000);
  const done = await page.locator("#panel-train .status", { hasText: "are done" }).innerText();
  assert.match(done, /^[1-9]\d* of 8 steps of the image codec and 0 of 12 of the transformer are done\.$/);
  await page.reload();
  await says(page, done);
  await chart.filter({ hasText: /step \d+ of 8, loss/ }).waitFor();
}

/** Finds the trained model after a reload, with the pictures that it showed. */
async function findTrained(page) {
  await says(page, "The model is trained", 120_000);
  await page.reload();
  await says(page, "The model is trained");
  assert.equal(await pictures(page, "Images it never saw").count(), 8);
  assert.equal(await pictures(page, "As its codes show them").count(), 8);
  assert.equal(await pictures(page, "What it draws by now").count(), 6);
}

/** Another window finds the training, and neither begins one in its place nor discards it by a double click. */
async function openBeside(page) {
  const other = await page.context().newPage();
  try {
    await other.goto(page.url());
    await other.click("#tab-train");
    await says(other, "are done");
    assert.equal(await button(other, "Start training").isVisible(), false);
    await button(other, "Discard").dblclick();
    await button(other, "Really discard it?").waitFor();
  } finally {
    await other.close();
  }
}

/** Downloads the model and unpacks it; gives its folder. */
async function download(page, folder) {
  const [file] = await Promise.all([page.waitForEvent("download"), button(page, "Download").click()]);
  assert.equal(file.suggestedFilename(), "my-digits.zip");
  for (const [name, bytes] of Object.entries(unzipSync(readFileSync(await file.path())))) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
  return join(folder, "my-digits");
}

/** Gives own images by a drop, with words in their names; none of them is trained on. */
async function dropOwnImages(page) {
  await page.getByLabel("Your own images", { exact: true }).check();
  const transfer = await page.evaluateHandle(async () => {
    const made = new DataTransfer();
    const canvas = Object.assign(document.createElement("canvas"), { width: 20, height: 20 });
    for (let i = 0; i < 12; i++) {
      const blob = await new Promise((resolve) => canvas.toBlob(resolve));
      made.items.add(new File([blob], `red_square ${i}.png`, { type: "image/png" }));
    }
    made.items.add(new File(["no image"], "notes.txt", { type: "text/plain" }));
    return made;
  });
  await page.locator("#panel-train .drop-place").dispatchEvent("drop", { dataTransfer: transfer });
  await says(page, "12 images. 1 file that is no image was passed over.");
  assert.equal(await page.getByLabel("What is said of them").inputValue(), "file-names");
}

/**
 * Uses the tab, which is shown.
 *
 * @returns {Promise<string[]>} What differs from Node, a line each.
 */
export async function train(page) {
  const folder = mkdtempSync(join(tmpdir(), "mmgen-trained-"));
  try {
    await dropOwnImages(page);
    await discardAvatars(page);
    await start(page);
    await findAgain(page);
    await openBeside(page);
    await button(page, "Go on").click();
    await findTrained(page);
    const model = await download(page, folder);
    await button(page, "Use it in the other tabs").click();
    await page.locator("#panel-draw .tile:enabled").first().waitFor();
    assert.equal(await page.locator("#model option:checked").innerText(), "My digits");
    assert.equal(await page.locator("#model-origin").innerText(), "");
    await page.click("#tab-train");
    const script = await bundle(path("expected-training.ts"), "mmgen-playground/expected-training");
    const { status, stderr, stdout } = spawnSync(process.execPath, [script, model], { encoding: "utf8" });
    console.log(stderr.trim());
    return status === 0 ? stdout.split("\n").filter((line) => line !== "") : [stderr];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { servePage } = await import("../../apps/playground/server.mjs");
  const { findBarriers, findChromium, launch, openPage, watchTasks } = await import("./browser.mjs");
  const started = Date.now();
  const { address, close } = await servePage(0);
  const browser = await launch(findChromium());
  try {
    const { page, problems } = await openPage(browser, address, { acceptDownloads: true });
    await page.click("#tab-train");
    const stop = await watchTasks(browser, page);
    problems.push(...(await train(page)), ...(await stop()), ...(await findBarriers(page)));
    console.log(
      [...problems, `${problems.length} problems, ${((Date.now() - started) / 1000).toFixed(0)} s`].join("\n"),
    );
    process.exitCode = problems.length === 0 ? 0 : 1;
  } finally {
    await browser.close();
    close();
  }
}
