import { describe, expect, it } from "vitest";
import { textTable } from "./text-table.js";

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
