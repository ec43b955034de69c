import { describe, expect, it } from "vitest";
import { formatDuration, formatPercent, formatRunTime, textTable } from "./format.js";

describe("textTable", () => {
  it("lets columns begin below each other, and leaves no blank at a line's end", () => {
    const rows = [
      ["data", "MNIST", ""],
      ["time", "8 s", "all"],
    ];
    expect(textTable(rows)).toBe("data  MNIST\ntime  8 s    all");
  });

  it("lets numbers end below each other", () => {
    const rows = [
      ["nats per", "both"],
      ["id", "1.997"],
      ["pair", "113.829"],
    ];
    expect(textTable(rows, "right")).toBe("nats per     both\nid          1.997\npair      113.829");
  });
});

describe("formatters", () => {
  it.each([
    [0, "0 s"],
    [8.4, "8 s"],
    [59.6, "1 min"],
    [98, "1 min 38 s"],
    [3960, "1 h 6 min"],
  ])("write %d seconds as %s", (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  it("write shares without a needless decimal", () => {
    expect([formatPercent(0.975), formatPercent(1)]).toEqual(["97.5 %", "100 %"]);
  });

  it("write the time of a resumed run as what is known of it", () => {
    const seconds = { data: 1, training: 70 };
    expect(formatRunTime({ resumed: false, seconds })).toBe("1 min 11 s");
    expect(formatRunTime({ resumed: true, seconds })).toBe("several processes, the last of 1 min 11 s");
  });
});
