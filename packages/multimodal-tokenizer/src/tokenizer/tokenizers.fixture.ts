import type { CodeBatch } from "@mmgen/core";
import fc from "fast-check";
import type { Order } from "../layouts/orders.js";
import { MultimodalTokenizer } from "./multimodal-tokenizer.js";

/** The 31 words of the colored-mnist captions. */
export const digitWords = (
  "zero one two three four five six seven eigth nine on dark light plain bright normal " +
  "red turquoise pink green black yellow gold white orange magenta brown cyan purple blue gray"
).split(" ");

/** Tokenizer with the sizes of colored-mnist: 49 codes and 6 words. */
export const digits = () =>
  MultimodalTokenizer.create({
    words: digitWords,
    captionLength: 6,
    codebookSize: 1024,
    codeGrid: { height: 7, width: 7 },
  });

/** Small tokenizers of every layout, with captions of one and of varying length, without and with a mask token. */
export const smallTokenizers: Readonly<Record<string, MultimodalTokenizer>> = Object.fromEntries([
  ...(["switch", "terminated"] as const).flatMap((layout) =>
    (
      [
        ["one length", 3],
        ["varying length", { minimum: 0, maximum: 3 }],
      ] as const
    ).map(([name, captionLength]) => [
      `${layout}, ${name}`,
      MultimodalTokenizer.create({
        layout,
        words: ["a", "b", "c", "d"],
        captionLength,
        codebookSize: 5,
        codeGrid: { height: 2, width: 2 },
        nullToken: true,
      }),
    ]),
  ),
  [
    "switch, characters",
    MultimodalTokenizer.create({
      textUnit: "characters",
      captions: ["to be", "or", "😀!"],
      codebookSize: 3,
      codeGrid: { height: 1, width: 3 },
    }),
  ],
  ...(["switch", "terminated"] as const).map((layout) => [
    `${layout}, masks`,
    MultimodalTokenizer.create({
      layout,
      words: ["a", "b", "c"],
      captionLength: { minimum: 1, maximum: 3 },
      codebookSize: 5,
      codeGrid: { height: 2, width: 2 },
      nullToken: true,
      maskToken: true,
    }),
  ]),
  ...[false, true].flatMap((maskToken) => [
    [
      `image-only${maskToken ? ", masks" : ""}`,
      MultimodalTokenizer.create({
        layout: "image-only",
        codebookSize: 5,
        codeGrid: { height: 2, width: 2 },
        maskToken,
      }),
    ],
    [
      `class${maskToken ? ", masks" : ""}`,
      MultimodalTokenizer.create({
        layout: "class",
        words: ["dog", "a  small cat", "bird"],
        codebookSize: 5,
        codeGrid: { height: 2, width: 2 },
        nullToken: true,
        maskToken,
      }),
    ],
  ]),
  [
    "lines",
    MultimodalTokenizer.create({
      layout: "lines",
      words: [..."0123456789"],
      captionLength: 1,
      codebookSize: 26,
      codeGrid: { height: 1, width: 8 },
    }),
  ],
]);

/** Those whose sequences have an image and a text in either order. */
export const twoOrderTokenizers: Readonly<Record<string, MultimodalTokenizer>> = Object.fromEntries(
  Object.entries(smallTokenizers).filter(([, { orders }]) => orders.length === 2),
);

/** Generates pairs that `tokenizer` can encode, with an order each. */
export function anyPairs(
  tokenizer: MultimodalTokenizer,
): fc.Arbitrary<{ codes: CodeBatch; captions: string[]; order: Order[] }> {
  const { captionLength, codebookSize, codeGrid, textUnit, words } = tokenizer.config;
  const size = codeGrid.height * codeGrid.width;
  const pair = fc.record({
    codes: fc.array(fc.integer({ min: 0, max: codebookSize - 1 }), { minLength: size, maxLength: size }),
    caption: fc
      .array(words.length === 0 ? fc.constant("") : fc.constantFrom(...words), {
        minLength: captionLength.minimum,
        maxLength: captionLength.maximum,
      })
      .map((chosen) => chosen.join(textUnit === "words" ? " " : "")),
    order: fc.constantFrom(...tokenizer.orders),
  });
  return fc.array(pair, { maxLength: 5 }).map((pairs) => ({
    codes: { data: Int32Array.from(pairs.flatMap(({ codes }) => codes)), count: pairs.length, ...codeGrid },
    captions: pairs.map(({ caption }) => caption),
    order: pairs.map(({ order }) => order),
  }));
}
