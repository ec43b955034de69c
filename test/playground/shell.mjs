/** What a visitor does with the page as a whole. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { drop } from "./tabs.mjs";

/** Pixels across of the smallest phones. */
const narrow = 360;

const shownTab = (page) => page.locator('[role="tab"][aria-selected="true"]').innerText();
const schemeOf = (page) => page.evaluate(() => document.documentElement.style.colorScheme);

/** Goes through tabs and themes by keyboard, and finds both again after a reload. */
async function goByKeys(page) {
  await page.click("#tab-draw");
  for (const title of ["Describe", "Complete"]) {
    await page.keyboard.press("ArrowRight");
    assert.equal(await shownTab(page), title);
    assert.equal(await page.evaluate(() => document.activeElement.textContent), title);
  }
  await page.keyboard.press("Home");
  assert.equal(await shownTab(page), "Draw");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Shift+Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "theme");
  assert.equal(await schemeOf(page), "light dark");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  assert.equal(await schemeOf(page), "dark");
  await page.reload();
  assert.equal(await schemeOf(page), "dark");
  assert.equal(await shownTab(page), "Describe");
  await page.click("#theme");
  assert.equal(await schemeOf(page), "light dark");
}

/** Draws on the pad without a pointer. */
async function drawByKeys(page) {
  const pad = page.locator("#panel-describe .pad");
  await page.locator("#panel-describe .caption-found").waitFor();
  await page.getByRole("button", { name: "Clear" }).click();
  await pad.focus();
  const colors = () =>
    pad.evaluate((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size;
    });
  await page.keyboard.press("ArrowUp");
  assert.equal(await colors(), 1);
  await page.keyboard.press("Shift+ArrowUp");
  assert.equal(await colors(), 2);
}

/** Opens a model of files, and files that are none. */
async function openModels(page, folder) {
  const files = readdirSync(folder).map((name) => join(folder, name));
  const chosen = () => page.locator("#model option:checked").innerText();
  await page.setInputFiles("#model-files", files);
  await page.waitForFunction(() => document.querySelector("#state").textContent === "");
  await page.waitForFunction(() => document.querySelector("#model option:checked").textContent === "Your model");
  await page.setInputFiles(
    "#model-files",
    files.filter((file) => !file.includes("transformer")),
  );
  await page.locator("#state.error", { hasText: "There is no transformer.safetensors" }).waitFor();
  assert.equal(await chosen(), "Your model");
  await drop(page, "body", { bytes: [1, 2, 3], name: "vqvae.safetensors", type: "" });
  await page.locator("#state.error", { hasText: "There is no tokenizer.json" }).waitFor();
  assert.equal(await chosen(), "Your model");
}

/** Sees whether every tab fits a narrow phone. */
async function fitPhone(page) {
  await page.setViewportSize({ width: narrow, height: 700 });
  for (const tab of await page.locator('[role="tab"]').all()) {
    await tab.click();
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= narrow, `${await tab.innerText()} is ${width} pixels wide, on a screen of ${narrow}`);
  }
}

/** Uses the page as a whole, after its tabs. */
export async function useShell(page, { model }) {
  await goByKeys(page);
  await drawByKeys(page);
  await openModels(page, model);
  await fitPhone(page);
}
