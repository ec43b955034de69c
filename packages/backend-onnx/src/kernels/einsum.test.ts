import * as tf from "@tensorflow/tfjs-core";
import { describe, it } from "vitest";
import { expectParity, floats, integers } from "../engine/parity.fixture.js";

describe("einsum", () => {
  for (const [equation, ...shapes] of [
    ["ij->ji", [2, 3]],
    ["ij->", [2, 3]],
    ["ij, jk -> ik", [2, 3], [3, 4]],
    ["bhid,bhjd->bhij", [2, 2, 3, 4], [2, 2, 5, 4]],
    ["i,j->ij", [3], [4]],
    ["ij,ij->i", [3, 4], [3, 4]],
    [",->", [], []],
  ] as const) {
    it(equation, async () => {
      await expectParity(
        () => [
          tf.einsum(equation, ...shapes.map((shape, i) => floats([...shape], -1, 1, i + 1))),
          tf.einsum(equation, ...shapes.map((shape, i) => integers([...shape], -5, 5, i + 1))),
        ],
        { tolerance: 1e-5 },
      );
    });
  }
});
