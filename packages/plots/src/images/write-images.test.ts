import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, DataError } from "@mmgen/core";
import { decode } from "fast-png";
import { afterEach, beforeEach, expect, it } from "vitest";
import { rasterize } from "../svg/rasterize.js";
import { writePng } from "./write-images.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mmgen-plots-"));
});
afterEach(() => rm(folder, { recursive: true }));

it("writes pixels exactly and SVG rasterized, creates folders and leaves nothing else", async () => {
  const pixels = { data: Uint8Array.of(1, 2, 3, 4, 5, 6), width: 2, height: 1, channels: 3 } as const;
  const bytes = await writePng(join(folder, "deep/pixels.png"), pixels);
  expect(new Uint8Array(await readFile(join(folder, "deep/pixels.png")))).toEqual(new Uint8Array(bytes));
  expect([...decode(bytes).data]).toEqual([1, 2, 3, 4, 5, 6]);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="10" height="4"><rect width="10" height="4" fill="#123456"/></svg>`;
  const drawn = decode(await writePng(join(folder, "deep/drawn.png"), svg, { pixelRatio: 3 }));
  expect([drawn.width, drawn.height, ...drawn.data.slice(0, 3)]).toEqual([30, 12, 0x12, 0x34, 0x56]);
  expect(await readdir(join(folder, "deep"))).toEqual(["drawn.png", "pixels.png"]);
});

it("text is drawn without any font of the system, upright and bold alike", async () => {
  const ink = async (weight: string) => {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="90" height="20"><text y="15" font-size="14" font-weight="${weight}">eigth</text></svg>`;
    const { data, channels } = decode(await rasterize(svg));
    return data.filter((value, i) => i % channels === 3 && value > 128).length;
  };
  const regular = await ink("normal");
  expect(regular).toBeGreaterThan(100);
  expect(await ink("bold")).toBeGreaterThan(1.2 * regular);
});

it("text that is not SVG and a ratio out of range are refused, and nothing is written", async () => {
  await expect(writePng(join(folder, "a.png"), "not an SVG")).rejects.toBeInstanceOf(DataError);
  await expect(rasterize("<svg/>", { pixelRatio: 0 })).rejects.toBeInstanceOf(ConfigError);
  expect(await readdir(folder)).toEqual([]);
});
