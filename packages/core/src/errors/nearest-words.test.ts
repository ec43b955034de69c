import { describe, expect, it } from "vitest";
import { editDistance, nearestWords } from "./nearest-words.js";

describe("editDistance", () => {
  it.each([
    ["", "", 0],
    ["red", "red", 0],
    ["", "red", 3],
    ["grean", "green", 1],
    ["eight", "eigth", 1],
    ["kitten", "sitting", 3],
    ["hidedn", "hiddens", 2],
    ["ca", "abc", 3],
    ["😀", "😁", 1],
  ])("%s → %s: %i", (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });
});

describe("nearestWords", () => {
  it("puts the nearest first and leaves out what is far", () => {
    const words = ["red", "seven", "turquoise", "gold", "eigth", "blue"];
    expect(nearestWords("blu", words)[0]).toBe("blue");
    expect(nearestWords("seven", words)[0]).toBe("seven");
    expect(nearestWords("turkoise", words)).toEqual(["turquoise"]);
    expect(nearestWords("eigth", ["eighth", "eight"])[0]).toBe("eight");
    expect(nearestWords("wq", ["abcdef"])).toEqual([]);
    expect(nearestWords("a", ["b", "c", "d", "e"], 2)).toEqual(["b", "c"]);
    expect(nearestWords("FSQ", ["lfq", "vector", "fsq"], 1)).toEqual(["fsq"]);
    expect(nearestWords("FigureGround", ["whole", "figure-ground"], 1)).toEqual(["figure-ground"]);
  });

  it("takes no time on names that a file made up", () => {
    const names = Array.from({ length: 100_000 }, (_, i) => `${"ab".repeat(200)}${i}`);
    const start = performance.now();
    nearestWords("ba".repeat(5000), names);
    nearestWords("ab".repeat(40), names);
    expect(performance.now() - start).toBeLessThan(500);
  });
});
