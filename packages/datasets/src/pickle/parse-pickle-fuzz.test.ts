import { MmgenError } from "@mmgen/core";
import { fuzz } from "@mmgen/core/fuzz.fixture";
import { it } from "vitest";
import pickles from "../../fixtures/pickles.json" with { type: "json" };
import { parseColoredMnist, parseColoredMnistWithText } from "../mnist/colored-mnist.js";
import { parsePickle } from "./parse-pickle.js";

const samples = Object.entries(pickles)
  .filter(([name]) => !name.startsWith("hostile"))
  .map(([, base64]) => Uint8Array.from(Buffer.from(base64, "base64")));

it("holds against damaged pickles of arrays and captions", async () => {
  await fuzz({
    name: "pickle",
    samples,
    words: [
      ...["(", ")", "}", "]", "t.", "R", "b", "a", "0", "1", "N", "h\0", "q\0", "\x85", "\x86", "\x94", "\x93", "e"],
      ...["u", "s", "\x8f(", "\x90", "\x91", "cnumpy\nndarray\n", "c_codecs\nencode\n", "\x8cU3", "\x95", "\x8b"],
    ].map((word) => Buffer.from(word, "latin1")),
    parse: (bytes) => {
      // What a loader makes of it; its own errors are typed too.
      for (const parse of [parseColoredMnist, parseColoredMnistWithText]) {
        try {
          parse(bytes);
        } catch (error) {
          if (!MmgenError.isInstance(error)) {
            throw error;
          }
        }
      }
      return parsePickle(bytes);
    },
    // The header of an array is its dtype and shape.
    depth: (bytes, error) => {
      if (bytes[0] !== 0x80 || (bytes[1] ?? 9) > 5 || (bytes[1] ?? 0) < 2) {
        return "none";
      }
      return error === undefined || /numpy array|left over|values are|deep|in itself/.test(error.message)
        ? "header"
        : "signature";
    },
  });
}, 60_000);
