import { rename } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, checkAttributeTable, DataError } from "@mmgen/core";
import { fuzz } from "@mmgen/core/fuzz.fixture";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { celebaAttributeNames } from "../captions/celeba-captions.js";
import { parseCelebaTable } from "./celeba-table.js";
import { blue, firstPixels, flat, green, imageFolderFixture, red } from "./image-folder.fixture.js";

const folder = imageFolderFixture();
const { put, load, failure } = folder;

const values = (...yes: string[]) => celebaAttributeNames.map((name) => (yes.includes(name) ? "1" : "-1"));
const smiling = values("Smiling", "No_Beard");
const man = values("Male", "Eyeglasses", "No_Beard");
/** As the data set writes it: a count, the names, rows with one or two spaces between values. */
const textTable = (rows: Readonly<Record<string, readonly string[]>>, count = Object.keys(rows).length) =>
  [
    count,
    `${celebaAttributeNames.join(" ")} `,
    ...Object.entries(rows).map(([name, row]) => [name, ...row.map((value) => value.padStart(2))].join(" ")),
    "",
  ].join("\r\n");
const csvTable = (rows: Readonly<Record<string, readonly string[]>>) =>
  [["image_id", ...celebaAttributeNames], ...Object.entries(rows).map(([name, row]) => [name, ...row])]
    .map((fields) => fields.join(","))
    .join("\n");
const faces = async (...names: string[]) => {
  for (const name of names) {
    await put({ [name]: await flat(red, name) });
  }
};
const rows = { "1.jpg": smiling, "2.jpg": man, "3.jpg": smiling };

describe("loadImageFolder, in CelebA's layout", () => {
  it.each([
    ["list_attr_celeba.txt", textTable(rows)],
    ["list_attr_celeba.csv", csvTable(rows)],
  ])("composes captions of %s beside the images", async (table, content) => {
    await faces("1.jpg", "2.jpg");
    await put({ [table]: content });
    const { train, test, source } = await load({ testCount: 1, seed: 1 });
    expect(source).toContain("captions: celeba-attributes");
    const captions = { "1.jpg": "a smiling woman", "2.jpg": "a man wearing glasses" };
    for (const { files, captions: given, attributes, images } of [train, test]) {
      expect(given).toEqual(files.map((file) => captions[file as keyof typeof captions]));
      checkAttributeTable(attributes!);
      expect([attributes!.count, images.count]).toEqual([1, 1]);
      expect(attributes!.attributes.map(({ name }) => name)).toEqual(celebaAttributeNames);
      expect(attributes!.labels[celebaAttributeNames.indexOf("Male")]).toBe(files[0] === "2.jpg" ? 1 : 0);
    }
  });

  it("finds the table above the data set's own folder of images, from within and from above", async () => {
    await faces("data/img_align_celeba/1.jpg", "data/img_align_celeba/2.jpg");
    await put({ "data/list_attr_celeba.txt": textTable(rows) });
    const captions = ["a smiling woman", "a man wearing glasses"];
    expect((await load({ folder: join(folder.path, "data/img_align_celeba") })).train.captions).toEqual(captions);
    expect((await load({ folder: join(folder.path, "data") })).train.captions).toEqual(captions);
    await rename(join(folder.path, "data"), join(folder.path, "img_align_celeba"));
    const nested = join(folder.path, "img_align_celeba/img_align_celeba");
    expect((await load({ folder: nested, captions: "celeba-attributes" })).train.captions).toEqual(captions);
  });

  it("prefers captions that are written out, and needs a table where it is asked for", async () => {
    await faces("1.jpg");
    await put({ "list_attr_celeba.txt": textTable(rows), "1.txt": "my aunt" });
    const { train } = await load();
    expect([train.captions, train.attributes]).toEqual([["my aunt"], undefined]);
    expect(await failure({ folder: folder.path, captions: "celeba-attribute" as never }, ConfigError)).toContain(
      'did you mean "celeba-attributes"?',
    );
    await faces("other/1.jpg");
    expect(await failure({ folder: join(folder.path, "other"), captions: "celeba-attributes" })).toContain(
      "expected CelebA's list_attr_celeba.txt or list_attr_celeba.csv in it",
    );
  });

  it("cuts the middle out of each image, in pixels of the file turned upright, and resizes that", async () => {
    // 6 × 4 pixels: red, with 2 × 2 in the middle green above blue.
    const image = sharp({ create: { width: 4, height: 6, channels: 3, background: "red" } }).composite([
      { input: await flat(green, "g.png", 2, 1), left: 1, top: 2 },
      { input: await flat(blue, "b.png", 2, 1), left: 1, top: 3 },
    ]);
    await put({ "a.png": await image.png().toBuffer() });
    // The same, said to have been taken with the camera on its side.
    const lying = await sharp(await image.png().toBuffer())
      .rotate(90)
      .png()
      .toBuffer();
    await put({ "b.png": await sharp(lying).withMetadata({ orientation: 8 }).png().toBuffer() });
    const all = { captions: "none", crop: { height: 2, width: 2 } } as const;
    const { images } = (await load({ ...all, side: 2 })).train;
    expect([...images.data]).toEqual([0, 1].flatMap(() => [...green, ...green, ...blue, ...blue]));
    const wide = (await load({ ...all, crop: { height: 6, width: 2 }, side: { height: 3, width: 5 }, fit: "fill" }))
      .train;
    expect(wide.images).toMatchObject({ count: 2, height: 3, width: 5, channels: 3 });
    expect(firstPixels(wide.images)[0]).toEqual(firstPixels(wide.images)[1]);
    expect(await failure({ ...all, crop: { height: 2, width: 5 } })).toMatch(
      /2 of 2 images.*a\.png: expected at least the 2 × 5 pixels \(height × width\) of the crop, got 6 × 4/,
    );
    expect(await failure({ ...all, crop: 148 as never }, ConfigError)).toContain("crop: expected { height, width }");
  });
});

describe("parseCelebaTable", () => {
  const parse = (text: string, images: readonly string[] = ["1.jpg"], name = "list.txt") =>
    parseCelebaTable(text, name, images);
  const labelsOf = (text: string, images?: readonly string[]) => [...parse(text, images).labels];
  const expected = smiling.map((value) => Number(value === "1"));

  it("takes columns in any order, 0 for no, paths and names, and rows of other images", () => {
    const order = celebaAttributeNames.map((_, i) => 39 - i);
    const shuffled = [
      order.map((i) => celebaAttributeNames[i]).join(" "),
      ["1.jpg", ...order.map((i) => (smiling[i] === "1" ? "1" : "0"))].join(" "),
    ].join("\n");
    expect(labelsOf(shuffled)).toEqual(expected);
    expect(labelsOf(textTable({ "a/1.jpg": man, "1.jpg": smiling, "9.jpg": man }), ["1.jpg"])).toEqual(expected);
    expect(labelsOf(textTable({ "1.jpg": smiling, "a/1.jpg": man }), ["1.jpg", "a/1.jpg"]).slice(0, 40)).toEqual(
      expected,
    );
    expect(labelsOf(`\ufeff${textTable({ "./1.jpg": smiling })}`)).toEqual(expected);
  });

  it.each([
    ["no names", "1\n", "line 2: expected the names of CelebA's 40 attributes, each once, got 0 names, 0 of them"],
    ["nothing", "", "line 1: expected the names"],
    ["a name that is unknown", textTable(rows).replace("Smiling", "Smilling"), '"Smilling"; is it Smiling?'],
    ["a name twice", textTable(rows).replace("Smiling", "Young"), "got 40 names, 39 of them different"],
    [
      "too few values",
      textTable({ "1.jpg": smiling.slice(1) }),
      "line 3: expected 40 values after the image's name, got 39",
    ],
    ["too many values", textTable({ "1.jpg": [...smiling, "1"] }), "got 41"],
    [
      "another value",
      textTable({ "1.jpg": ["2", ...smiling.slice(1)] }),
      'values of 1 for yes and -1 for no, got "2" (string)',
    ],
    ["another count", textTable(rows, 4), "its first line promises 4 rows, and it has 3"],
    ["no row", textTable({ "2.jpg": man }), "1 of 1 images have no row (1.jpg)"],
    ["two rows", `${csvTable(rows)}\n${["1.jpg", ...man].join()}`, 'line 5: "1.jpg" has a row already, line 2'],
    ["an endless row", `${csvTable(rows)}\n${"x".repeat(70_000)}`, "line 5: expected at most 65536 characters"],
  ])("refuses %s", (_, text, message) => {
    expect(() => parse(text)).toThrow(DataError);
    expect(() => parse(text)).toThrow(message);
  });

  it("refuses a name of two images", () => {
    expect(() => parse(textTable(rows), ["a/1.jpg", "b/1.jpg"])).toThrow('"1.jpg" is the name of 2 images');
  });

  it("holds against damaged tables", async () => {
    await fuzz({
      name: "list_attr_celeba",
      inputs: 300,
      samples: [textTable({ "1.jpg": smiling }), csvTable({ "1.jpg": man })].map((text) =>
        new TextEncoder().encode(text),
      ),
      words: ["-1", "1.jpg", "\n", ",", "__proto__", "9999999999"],
      parse: (bytes) => parse(new TextDecoder().decode(bytes)),
      // The signature: the row of names could be split; the header: it is right.
      depth: (_, error) =>
        error === undefined || !/names/.test(error.message)
          ? "header"
          : /got "/.test(error.message)
            ? "signature"
            : "none",
    });
  }, 60_000);
});
