import { ConfigError, DataError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import * as plots from "../index.js";
import { sumCounts } from "./figure-options.js";

const images = { data: new Uint8Array(4), count: 1, height: 2, width: 2, channels: 1, maxValue: 1 };
const series = [{ label: "a", style: "points" as const, y: [1, 2] }];

describe("options of every figure", () => {
  it.each<[string, (extra: object) => unknown]>([
    ["accuracyChart", (extra) => plots.accuracyChart({ points: [{ step: 1, correct: 1, count: 2 }], ...extra })],
    ["codebookUsage", (extra) => plots.codebookUsage({ counts: [1], ...extra })],
    ["confusionMatrix", (extra) => plots.confusionMatrix({ counts: [[1]], labels: ["a"], ...extra })],
    ["embeddingPlot", (extra) => plots.embeddingPlot({ positions: [0, 0], classes: [0], classNames: ["a"], ...extra })],
    ["htmlReport", (extra) => plots.htmlReport({ title: "a", sections: [], ...extra })],
    ["imageGrid", (extra) => plots.imageGrid({ images, ...extra })],
    ["imageRows", (extra) => plots.imageRows({ rows: [{ label: "a", images }], ...extra })],
    ["reconstructionGrid", (extra) => plots.reconstructionGrid({ original: images, reconstruction: images, ...extra })],
    [
      "sequenceLogos",
      (extra) => plots.sequenceLogos({ groups: [{ label: "a", counts: [[1]] }], alphabet: "A", ...extra }),
    ],
    ["timingChart", (extra) => plots.timingChart({ series: [{ label: "a", y: [1] }], ...extra })],
    ["trainingCurves", (extra) => plots.trainingCurves({ panels: [{ title: "a", series }], ...extra })],
  ])("%s draws without further ones, and refuses a misspelled one with the nearest name", (_, draw) => {
    expect(draw({})).toMatch(/^<(svg|!doctype html)/);
    expect(() => draw({ tittle: "a" })).toThrow(ConfigError);
    expect(() => draw({ tittle: "a" })).toThrow('tittle: there is no such field; did you mean "title"?');
    expect(() => draw({ title: 7 })).toThrow(/title: expected .*, got 7 \(number\)/);
  });

  it("are checked in depth", () => {
    const panel = { title: "a", series: [{ ...series[0]!, stile: "steps" }] };
    expect(() => plots.trainingCurves({ panels: [panel] })).toThrow(
      'panels[0].series[0].stile: there is no such field; did you mean "style"?',
    );
    expect(() => plots.contactSheet(images, { colums: 1 } as never)).toThrow('did you mean "columns"?');
    expect(() => plots.encodeGif([], { frameMillisecond: 1 } as never)).toThrow('did you mean "frameMilliseconds"?');
  });
});

describe("sumCounts", () => {
  it("adds whole numbers of at least 0, and refuses others by their index", () => {
    expect(sumCounts("counts", Int32Array.of(1, 0, 4))).toBe(5);
    expect(() => sumCounts("counts", [1, -1])).toThrow(
      "counts: expected whole numbers of at least 0, got -1 at index 1",
    );
    expect(() => sumCounts("counts", [0.5])).toThrow(DataError);
  });
});
