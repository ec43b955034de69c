import { ConfigError, DataError, ShapeError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { encodeGif } from "../images/gif.js";
import { encodePng } from "../images/pixels.js";
import { htmlReport } from "./html-report.js";

const png = encodePng({ data: new Uint8Array(8 * 6 * 3), width: 8, height: 6, channels: 3 });
const hostile = `"><img src=x onerror=alert(1)><script>alert('1')</script>&amp;`;

describe("htmlReport", () => {
  it("inlines images byte for byte, in their size, with alt texts", () => {
    const html = htmlReport({ title: "Run", sections: [{ heading: "Grid", images: [{ image: png, alt: "a grid" }] }] });
    const [, address] = /<img src="data:image\/png;base64,([^"]+)"/.exec(html)!;
    expect(new Uint8Array(Buffer.from(address!, "base64"))).toEqual(new Uint8Array(png));
    expect(html).toContain(`alt="a grid" width="4" height="3"`);
  });

  it("offers dark images to dark screens, and takes SVG", () => {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="10" height="20"></svg>`;
    const images = [{ image: svg, dark: png, alt: "x" }];
    const html = htmlReport({ title: "Run", sections: [{ heading: "Grid", images }] });
    expect(html).toContain(
      `<figure><picture><source media="screen and (prefers-color-scheme: dark)" srcset="data:image/png;base64,`,
    );
    expect(html).toMatch(/<img [^>]*><\/picture>/);
    expect(html).toContain(`<img src="data:image/svg+xml;base64,${btoa(svg)}" alt="x" width="10" height="20"`);
  });

  it("escapes markup in every text", () => {
    const html = htmlReport({
      title: hostile,
      lead: hostile,
      language: hostile,
      footer: hostile,
      facts: [{ label: hostile, value: hostile, note: hostile }],
      sections: [
        {
          heading: hostile,
          text: [hostile],
          table: { columns: [hostile], rows: [[hostile]], caption: hostile },
          images: [{ image: png, alt: hostile, caption: hostile }],
          code: hostile,
        },
      ],
    });
    expect(html).not.toMatch(/<script|<img src=x|onerror=alert\(1\)>|alert\('1'\)/);
    // Every tag is one of the report's own, and no attribute but its own is set.
    const tags = new Set([...html.matchAll(/<([a-z0-9]+)/g)].map((match) => match[1]));
    expect([...tags].filter((tag) => ["script", "iframe", "object", "link", "base", "form"].includes(tag!))).toEqual(
      [],
    );
    expect(html.match(/<img /g)).toHaveLength(1);
  });

  it("contains no address outside itself", () => {
    const html = htmlReport({ title: "Run", sections: [{ heading: "Grid", images: [{ image: png, alt: "" }] }] });
    expect(html).toContain(`default-src 'none'`);
    const addresses = [...html.matchAll(/(?:src|srcset|href)="([^"]*)"|url\(([^)]*)\)/g)].map((m) => m[1] ?? m[2]);
    expect(addresses.length).toBeGreaterThan(0);
    expect(addresses.every((address) => /^(data:|#)/.test(address!))).toBe(true);
  });

  it("aligns columns of numbers right and columns of text left", () => {
    const table = {
      columns: ["model", "loss", "share"],
      rows: [
        ["a", 1.5, "93 %"],
        ["7 b c", "–", "±0.2"],
      ],
    };
    const html = htmlReport({ title: "Run", sections: [{ heading: "Table", table }] });
    expect(html).toContain(`<th scope="col">model</th>`);
    expect(html).toContain(`<th scope="col" class="number">loss</th>`);
    expect(html).toContain(`<td class="number">93 %</td>`);
    expect(html).toContain(`<th scope="row">7 b c</th>`);
  });

  it("links to its sections when there are several", () => {
    const sections = ["One", "Two", "Three"].map((heading) => ({ heading }));
    const html = htmlReport({ title: "Run", sections });
    expect(html).toContain(`<a href="#part-3">Three</a>`);
    expect(html).toContain(`<section id="part-3">`);
    expect(htmlReport({ title: "Run", sections: sections.slice(1) })).not.toContain("<nav");
  });

  it("shows an animation at its size", () => {
    const frame = { data: new Uint8Array(40 * 20), width: 40, height: 20, channels: 1 } as const;
    const images = [{ image: encodeGif([frame, frame]), alt: "Two frames" }];
    const html = htmlReport({ title: "Run", sections: [{ heading: "Moving", images }] });
    expect(html).toMatch(/<img src="data:image\/gif;base64,[^"]+" alt="Two frames" width="20" height="10"/);
  });

  it("refuses a ragged table, bytes that are no image, and an empty title", () => {
    const sections = [{ heading: "Table", table: { columns: ["a", "b"], rows: [[1, 2], [3]] } }];
    expect(() => htmlReport({ title: "Run", sections })).toThrow(ShapeError);
    expect(() => htmlReport({ title: "Run", sections })).toThrow(/2 cells a row, got 1 in row 2/);
    for (const image of [new Uint8Array(100), "<p>not an image</p>", `<svg width="." height="."/>`]) {
      const wrong = [{ heading: "Grid", images: [{ image, alt: "" }] }];
      expect(() => htmlReport({ title: "Run", sections: wrong })).toThrow(DataError);
    }
    expect(() => htmlReport({ title: " ", sections: [] })).toThrow(ConfigError);
  });
});
