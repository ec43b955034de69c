/** What a visitor does in each tab of the page. */
import assert from "node:assert/strict";

const sampling = { seed: 7, temperature: 0.8, topP: 0.9 };

/** Sets seed, temperature and top-p of the tab that is shown. */
async function setSampling(page) {
  for (const summary of await page.locator("details:not([open]) > summary:visible").all()) {
    await summary.click();
  }
  const shown = page.locator(".sampling:visible");
  await shown.locator('input[type="number"]').fill(String(sampling.seed));
  const [temperature, topP] = await shown.locator('input[type="range"]').all();
  await temperature.fill(String(sampling.temperature));
  await topP.fill(String(sampling.topP));
}

/** Waits until the work of the tab that is shown is done, and gives what it says. */
async function finished(page) {
  const status = page.locator(".controls:visible .status", { hasText: /\S/ }).last();
  await page.waitForFunction(() => {
    const isShown = (each) => each.checkVisibility();
    const buttons = Array.from(document.querySelectorAll(".primary")).filter(isShown);
    const running = Array.from(document.querySelectorAll(".running")).filter(isShown);
    return running.length === 0 && buttons.length > 0 && buttons.every((each) => !each.disabled);
  });
  assert.equal(
    await page.locator(".error:visible").count(),
    0,
    await page.locator(".error:visible").allInnerTexts().then(String),
  );
  return status.innerText();
}

/** Pixels of the canvases that a selector finds, each `[height, width, 3]`. */
function pixelsOf(page, selector) {
  return page.locator(selector).evaluateAll((canvases) =>
    canvases
      .filter((canvas) => canvas.checkVisibility())
      .map((canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return Array.from(data).filter((_, i) => i % 4 < 3);
      }),
  );
}

/** Draws lines with the pointer, through points that are shares of a canvas's sides. */
async function drag(page, selector, points) {
  const canvas = page.locator(`${selector}:visible`);
  await canvas.scrollIntoViewIfNeeded();
  const { height, width, x, y } = await canvas.boundingBox();
  const [first, ...rest] = points.map(([across, down]) => [x + across * width, y + down * height]);
  await page.mouse.move(...first);
  await page.mouse.down();
  for (const point of rest) {
    await page.mouse.move(...point, { steps: 8 });
  }
  await page.mouse.up();
}

/** Drops a file on an element. */
export async function drop(page, selector, { bytes, name, type }) {
  const transfer = await page.evaluateHandle(
    ({ bytes, name, type }) => {
      const made = new DataTransfer();
      made.items.add(new File([Uint8Array.from(bytes)], name, { type }));
      return made;
    },
    { bytes: [...bytes], name, type },
  );
  await page.locator(`${selector}:visible`).dispatchEvent("dragover", { dataTransfer: transfer });
  await page.locator(`${selector}:visible`).dispatchEvent("drop", { dataTransfer: transfer });
}

const captionsOf = (page) => page.locator("#panels figcaption:visible").allInnerTexts();

async function draw(page) {
  await finished(page);
  const caption = page.getByLabel("Caption", { exact: true }).and(page.locator("#panel-draw input"));
  const asked = await caption.inputValue();
  const [first, ...rest] = asked.split(" ");

  // A word with a letter too many is explained, and a click mends it.
  await caption.fill(`${first}x ${rest.join(" ")} `);
  await page.locator("#panel-draw .problems", { hasText: `“${first}x” is in none` }).waitFor();
  await page.locator("#panel-draw .problems button", { hasText: new RegExp(`^${first}$`) }).click();
  assert.equal((await caption.inputValue()).trim(), asked);
  assert.equal(await page.locator("#panel-draw .problems p").count(), 0);

  // Words are offered from their first letters on, and after whole words as the model finds them likely.
  await caption.fill(first.slice(0, 2));
  await page.locator("#panel-draw .chip", { hasText: new RegExp(`^${first}$`) }).click();
  assert.equal(await caption.inputValue(), `${first} `);
  await page.locator("#panel-draw .chip").first().waitFor();

  await caption.fill(asked);
  await setSampling(page);
  await page.getByLabel("Images").and(page.locator("#panel-draw select")).selectOption("16");
  // Stopped before it can be done, however fast the machine is.
  await page.locator("#panel-draw .primary").evaluate((button) => {
    button.click();
    button.click();
  });
  await page.locator("#panel-draw .status", { hasText: "Stopped." }).waitFor();

  await page.getByLabel("Images").and(page.locator("#panel-draw select")).selectOption("4");
  const said = await page.locator("#panel-draw .controls > .status").evaluateHandle((status) => {
    const texts = [];
    new MutationObserver(() => texts.push(status.textContent)).observe(status, { childList: true });
    return texts;
  });
  await caption.press("Enter");
  await page.locator("#panel-draw .status", { hasText: "codes a second" }).waitFor();
  assert.ok((await said.jsonValue()).some((text) => /^Round \d+ of \d+$/.test(text)));
  const images = await pixelsOf(page, "#panel-draw .tile canvas");
  assert.equal(images.length, 4);

  // An image opens large, and goes on from there.
  await page.locator("#panel-draw .tile").first().click();
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save as PNG" }).click();
  assert.match((await download).suggestedFilename(), /\.png$/);
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  return [{ kind: "draw", sampling, count: 4, caption: asked, images, captions: [] }];
}

async function describe(page) {
  await finished(page);
  const panel = "#panel-describe";
  const given = async () => (await pixelsOf(page, `${panel} .picture canvas`))[0];
  const result = async () => ({
    kind: "describe",
    given: await given(),
    captions: await page.locator(`${panel} .caption-found`).allInnerTexts(),
    images: [],
  });

  // A one by hand, from the top to the bottom.
  await page.getByRole("button", { name: "Clear" }).click();
  await drag(page, `${panel} .pad`, [
    [0.4, 0.3],
    [0.55, 0.15],
    [0.5, 0.85],
  ]);
  await finished(page);
  const drawn = await result();
  assert.ok(new Set(drawn.given).size > 1, "the drawing is empty");
  assert.ok((await page.locator(`${panel} .word-column .bar`).count()) > 2);

  // A picture dropped on the pad: the first one that was drawn, as a file.
  const bytes = await page.evaluate(async () => {
    const blob = await new Promise((resolve) => document.querySelector("#panel-draw .tile canvas").toBlob(resolve));
    return Array.from(new Uint8Array(await blob.arrayBuffer()));
  });
  const before = await page
    .locator(`${panel} .picture canvas`)
    .first()
    .evaluate((canvas) => canvas.toDataURL());
  await drop(page, `${panel} .pad`, { bytes, name: "drawn.png", type: "image/png" });
  await page.waitForFunction(
    ([selector, before]) => document.querySelector(selector).toDataURL() !== before,
    [`${panel} .picture canvas`, before],
  );
  await finished(page);
  const dropped = await result();
  assert.notDeepEqual(dropped.given, drawn.given);

  await drop(page, `${panel} .pad`, { bytes: [1, 2, 3], name: "no-picture.png", type: "image/png" });
  await page.locator(`${panel} .error`, { hasText: "no-picture.png is no picture" }).waitFor();
  await page.locator(`${panel} .primary`).click();
  await finished(page);
  return [drawn, dropped];
}

async function complete(page) {
  await finished(page);
  const panel = "#panel-complete";
  await setSampling(page);
  await page.getByRole("button", { name: "Nothing" }).click();
  const [given] = await pixelsOf(page, `${panel} .pad`);
  await drag(page, `${panel} .pad`, [
    [0.1, 0.9],
    [0.9, 0.9],
  ]);
  await page.locator(`${panel} .primary`).click();
  await page.locator(`${panel} .status`, { hasText: "codes a second" }).waitFor();
  await finished(page);
  const mask = await page.locator(`${panel} .pad`).evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return Array.from(data)
      .filter((_, i) => i % 4 === 3)
      .map((alpha) => Number(alpha > 0));
  });
  assert.ok(mask.includes(0) && mask.includes(1), `everything or nothing is erased: ${mask.length} pixels`);
  const images = await pixelsOf(page, `${panel} .tile canvas`);
  return [{ kind: "complete", sampling, count: 4, given, mask, images, captions: await captionsOf(page) }];
}

async function invent(page) {
  await finished(page);
  await setSampling(page);
  await page.getByLabel("Images").and(page.locator("#panel-invent select")).selectOption("4");
  await page.locator("#panel-invent .primary").click();
  await finished(page);
  const images = await pixelsOf(page, "#panel-invent .tile canvas");
  return [{ kind: "invent", sampling, count: 4, images, captions: await captionsOf(page) }];
}

async function inspect(page) {
  await finished(page);
  const panel = "#panel-inspect";
  await page.locator(`${panel} .chip.word`).first().waitFor();
  await finished(page);
  await page.locator(`${panel} .chip.word`).nth(1).click();
  const chosen = await page.locator(`${panel} .chip.word[aria-pressed="true"]`).innerText();
  const shares = await page.locator(`${panel} .bar span:last-child`).allInnerTexts();
  const percents = shares.map(Number.parseFloat);
  assert.deepEqual(
    percents,
    percents.toSorted((a, b) => b - a),
  );
  assert.ok(percents.reduce((sum, share) => sum + share, 0) < 101, shares.join());
  assert.ok((await page.locator(`${panel} .bar`).allInnerTexts()).some((bar) => bar.startsWith(chosen)));

  // A code, and the next one by keyboard.
  await page.locator(`${panel} .code-grid .code`).first().click();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  assert.match(
    await page.locator(`${panel} .code[aria-pressed="true"]`).getAttribute("aria-label"),
    /^Row 1, column 2: code \d+$/,
  );
  await page.getByLabel("Attention of").selectOption("layer 1");
  const heats = await page
    .locator(`${panel} .code`)
    .evaluateAll((codes) => codes.map((code) => Number(code.style.getPropertyValue("--heat"))));
  assert.equal(Math.max(...heats), 1);
}

/** Tabs in the order in which they are used: later ones take what earlier ones made. */
export const tabs = [
  { id: "draw", use: draw },
  { id: "describe", use: describe },
  { id: "complete", use: complete },
  { id: "invent", use: invent },
  { id: "inspect", use: inspect },
];
