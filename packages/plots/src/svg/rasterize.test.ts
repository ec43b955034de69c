import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, DataError, Random } from "@mmgen/core";
import { fuzz } from "@mmgen/core/fuzz.fixture";
import { afterAll, describe, expect, it } from "vitest";
import { imageGrid } from "../images/image-grid.js";
import { imageRows } from "../images/image-rows.js";
import { dataUrl, encodePng } from "../images/pixels.js";
import { rasterize, rasterizePixels } from "./rasterize.js";

const folder = mkdtempSync(join(tmpdir(), "mmgen-svg-"));
afterAll(() => rmSync(folder, { recursive: true }));
const red = encodePng({ data: Uint8Array.of(255, 0, 0), width: 1, height: 1, channels: 3 });
const file = join(folder, "red.png");
writeFileSync(file, red);

const svg = (content: string, size = 'width="2" height="2"') =>
  `<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xlink" ${size}>${content}</svg>`;
const image = (attributes: string) => svg(`<image width="2" height="2" ${attributes}/>`);
const drawn = async (document: string, options = {}) => [
  ...(await rasterizePixels(document, { pixelRatio: 1, ...options })).data.subarray(0, 3),
];

describe("an SVG of unknown origin", () => {
  it.each<[string, string]>([
    ["an absolute path", image(`href="${file}"`)],
    ["an address of the file", image(`href="file://${file}"`)],
    ["a relative path", image('href="red.png"')],
    ["another name of the attribute", image(`x:href = '${file}'`)],
    ["a path in references", image(`href="&#47;${file.slice(1)}"`)],
    ["a file whose name begins with #", image('href="#red.png"')],
    ["nothing", image('href=""')],
    ["a filter's image", svg(`<filter id="f"><feImage href="${file}"/></filter>`)],
    ["an image in a pattern", svg(`<pattern id="p"><image href="${file}"/></pattern>`)],
    ["another document", svg('<use href="/etc/other.svg#a"/>')],
    ["an address on the web", image('href="http://example.com/a.png"')],
    ["an address that looks like its own", `${svg('<text>href="#</text><image href="/a.png"/><text>"</text>')}`],
    ["an image after a comment that ends early", svg(`<!-- > --><image href="${file}"/><!-- -->`)],
    ["an entity", `<!DOCTYPE svg [<!ENTITY a "<image href='${file}'/>">]>${svg("&a;")}`],
    ["an external entity", `<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>${svg("<text>&a;</text>")}`],
    ["a style sheet", `<?xml-stylesheet href="${file}"?>${svg("")}`],
    [
      "an image in an embedded document",
      image(`href="${dataUrl(Buffer.from(image(`href="${file}"`)), "image/svg+xml")}"`),
    ],
  ])("is refused where it names anything outside itself: %s", async (_, document) => {
    await expect(rasterize(document)).rejects.toThrow(/^SVG: expected .*trusted: true/);
    await expect(rasterize(document)).rejects.toBeInstanceOf(DataError);
  });

  it.each<[string, string]>([
    ["sides of 10³⁰", svg("", 'width="1e30" height="1e30"')],
    ["a million pixels square", svg("", 'width="1000000" height="1000000"')],
    ["a very long row", svg("", 'width="100000" height="1"')],
    ["a huge view box", svg("", 'viewBox="0 0 1e30 1e30"')],
    [
      "layers within layers",
      svg(`${'<g opacity="0.9">'.repeat(60)}${"</g>".repeat(60)}`, 'width="6000" height="6000"'),
    ],
    ["elements nested deep", svg("<g>".repeat(100) + "</g>".repeat(100))],
    ["a filter function", svg('<g style="f&#105;lter: blur(9999px)"/>')],
    ["a filter", svg('<filter id="f"><feTurbulence numOctaves="99999"/></filter>')],
    ["a pattern of 10¹⁰ pixels", svg('<pattern id="p" width="99999" height="99999" patternUnits="userSpaceOnUse"/>')],
    ["copies of copies", svg('<g id="a"/><g id="b"><use href="#a"/><use href="#a"/></g><use href="#b"/>')],
    ["clip paths of clip paths", svg('<clipPath id="a" clip-path="url(#b)"/>')],
    ["a clip path in a clip path", svg('<clipPath id="a"><g/><rect style="clip&#45;path:url(#b)"/></clipPath>')],
    ["a style sheet", svg("<style>g { opacity: 0.5 }</style>")],
    ["an embedded image of 10⁹ pixels", image(`href="${dataUrl(withSides(red, 30_000), "image/png")}"`)],
    ["an endless comment", `${"<!--".repeat(100_000)}`],
    ["tags that do not end", `${'<g a="'.repeat(100_000)}`],
  ])("is refused at once where it may take more than there is: %s", async (_, document) => {
    const start = performance.now();
    await expect(rasterize(document)).rejects.toThrow(/^SVG: expected /);
    expect(performance.now() - start).toBeLessThan(500);
  });

  it("is drawn with what charts have", async () => {
    const embedded = image(`href="${dataUrl(red, "image/png")}"`);
    expect(await drawn(embedded)).toEqual([255, 0, 0]);
    expect(await drawn(`<?xml version="1.0"?><!DOCTYPE svg PUBLIC "a" "b"><!-- href="x" -->${embedded}`)).toEqual([
      255, 0, 0,
    ]);
    const content =
      '<title>href="x" &amp; &lt;image</title><a href="https://example.com"><text>a</text></a>' +
      '<linearGradient id="g"><stop stop-color="#00f"/></linearGradient><linearGradient id="h" href="#g"/>' +
      '<clipPath id="c"><rect width="9" height="9"/></clipPath><![CDATA[<image href="x"/>]]>' +
      '<rect width="2" height="2" fill="url(#g)" clip-path="url(#c)" opacity="1"/>';
    expect(await drawn(svg(content))).toEqual([0, 0, 255]);
  });

  it("is held to the limits and the ratio that the caller sets", async () => {
    await expect(drawn(svg(""), { limits: { pixels: 3 } })).rejects.toThrow("at most 3 pixels (limits.pixels)");
    await expect(drawn(svg(""), { limits: { pixels: 15 }, pixelRatio: 2 })).rejects.toThrow(
      "got 2 × 2 at pixel ratio 2",
    );
    await expect(drawn(svg("<g/>"), { limits: { depth: 1 } })).rejects.toThrow("limits.depth");
    await expect(drawn(svg(""), { limits: { textBytes: 9 } })).rejects.toThrow("limits.textBytes");
    await expect(drawn(svg(""), { trusted: 1 })).rejects.toBeInstanceOf(ConfigError);
    await expect(drawn(svg('<g \0="1"/>'), { trusted: true })).rejects.toThrow("U+0000");
    await expect(rasterize(undefined as never)).rejects.toThrow(/expected a document as a string, got undefined/);
  });

  it("may have all of it but the size where it is trusted", async () => {
    expect(await drawn(image(`href="${file}"`), { trusted: true })).toEqual([255, 0, 0]);
    const use = svg('<g id="a"><rect width="2" height="2" fill="#00f"/></g><use href="#a"/>');
    expect(await drawn(use, { trusted: true })).toEqual([0, 0, 255]);
    await expect(drawn(svg("", 'width="1e30" height="1e30"'), { trusted: true })).rejects.toThrow("limits.pixels");
  });
});

/** The file with other sides in its header. */
function withSides(bytes: Uint8Array, side: number): Uint8Array {
  const copy = Buffer.from(bytes);
  copy.writeUInt32BE(side, 16);
  copy.writeUInt32BE(side, 20);
  return copy;
}

describe("mutated documents", () => {
  const samples = [
    image(`href="${dataUrl(red, "image/png")}"`),
    svg(
      '<clipPath id="c"><rect width="1" height="1"/></clipPath><g opacity="0.5"><path d="M0 0L2 2" clip-path="url(#c)"/></g>',
    ),
    svg('<!-- a --><text x="1" y="2" font-size="3" text-anchor="middle">a &amp; b<tspan>c</tspan></text>'),
  ].map((document) => new TextEncoder().encode(document));

  it("end in an image or a typed error", () =>
    fuzz({
      name: "SVG",
      samples,
      words: [
        "<use",
        "href=",
        "#c",
        "url(#c)",
        "clip-path",
        "1e30",
        "&#47;",
        "<!--",
        "]]>",
        "opacity",
        "stroke-dasharray",
      ],
      parse: (bytes) =>
        rasterize(new TextDecoder().decode(bytes), { pixelRatio: 1, limits: { pixels: 2 ** 16, textBytes: 2 ** 16 } }),
      depth: (bytes, error) =>
        error === undefined || error.message.startsWith("Cannot render") || error.message.includes("limits.pixels")
          ? "header"
          : bytes[0] === 0x3c
            ? "signature"
            : "none",
    }));
});

describe("texts of any kind", () => {
  const images = { data: Uint8Array.of(0, 1), count: 2, height: 1, width: 1, channels: 1, maxValue: 1 };
  const pieces = [
    "<script>alert(1)</script>",
    '"><image href="/etc/passwd"/>',
    "]]>",
    "<!--",
    "&#0;",
    "&lt;",
    "\u0000\u0007\u001b[31m",
    "\ud800",
    "\ufffe",
    "\u202eright to left\u2066",
    "שלום",
    "日本語",
    "👩‍👩‍👧",
    "e\u0301",
    "\r\n\t",
    "href='#'",
    "a".repeat(300),
    "<style>",
  ];

  it("are drawn as they are read: no markup, no control characters, in bounded time", async () => {
    const random = Random.fromSeed(4);
    const start = performance.now();
    for (let round = 0; round < 300; round++) {
      const text = () =>
        Array.from({ length: 1 + random.integer(4) }, () => pieces[random.integer(pieces.length)]!).join(" ");
      const [one, other] = [text(), text()];
      const document =
        round % 2 === 0
          ? imageGrid({ images, captions: [one, other], marks: [true, false], title: one, subtitle: other, scale: 1 })
          : imageRows({ rows: [{ label: one, images }], title: other, subtitle: one, scale: 1 });
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be there
      expect(document).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|<script|<style|<!--|passwd"/);
      expect(document.match(/<image /g)).toHaveLength(2);
      expect(document).not.toMatch(/\p{Surrogate}/u);
      if (round % 100 === 0) {
        await rasterize(document, { pixelRatio: 0.5 });
      }
    }
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  it("may be hundreds of thousands of characters long", () => {
    const start = performance.now();
    const long = imageGrid({ images, captions: ["word ".repeat(50_000), "a".repeat(50_000)] });
    expect(long.length).toBeGreaterThan(300_000);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
