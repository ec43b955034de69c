import { z } from "zod";

const size = z.int().positive();
const rate = z.number().positive();
const share = z.number().min(0).max(1);

const optimization = {
  epochs: size,
  batchSize: size,
  learningRate: rate,
  /** Steps over which the learning rate climbs, before it falls along a cosine to 0. */
  warmUpSteps: z.int().min(0),
  clipNorm: rate,
  weightDecay: z.number().min(0),
};

/** Every choice of a run that shapes its result. */
export const runConfigSchema = z.strictObject({
  data: z.strictObject({
    /** Images to train on, drawn from the source's training part. */
    trainCount: size,
    /** Images of the source's test part to evaluate on. */
    testCount: size,
  }),
  tokenizer: z
    .strictObject({
      /** `whole`: every code says shape and colors of a place; `figure-ground`: two flat colors, and the codes of a shape. */
      composition: z.enum(["whole", "figure-ground"]),
      /** Of `figure-ground`: colors in two codes `before` the shape's, or `within` the first two of these. */
      palettePlace: z.enum(["before", "within"]).default("before"),
      network: z.strictObject({
        hiddenChannels: size,
        /** Halvings of the image's side: two give 28×28 pixels 7×7 codes, three 4×4. */
        stages: z.int().min(1).max(8),
        residualBlocks: z.int().min(0),
        /** Heads of the self-attention before each residual block; 0: none, as in original A. */
        attentionHeads: z.int().min(0),
      }),
      quantizer: z.strictObject({
        codebookSize: size,
        codeDimension: size,
        codebook: z.enum(["ema", "gradient"]),
        commitmentWeight: z.number().min(0),
      }),
      /** `regression`: levels as numbers; `categorical`: one softmax over the levels of each pixel and channel. */
      head: z.enum(["regression", "categorical"]),
      ...optimization,
    })
    .refine(({ composition, palettePlace }) => composition === "figure-ground" || palettePlace === "before", {
      path: ["palettePlace"],
      message: 'Only "figure-ground" has a palette to put "within"',
    }),
  transformer: z.strictObject({
    width: size,
    heads: size,
    layers: size,
    dropout: z.number().min(0).max(0.9),
    ...optimization,
    /** Weight of a caption word's loss; an image code's is 1. */
    textWeight: rate,
    /** Share of training sequences that put the text first; the others put the image first. */
    textFirstShare: share,
  }),
  sampling: z.strictObject({
    temperature: z.number().min(0),
    topP: z.number().gt(0).max(1),
  }),
  evaluation: z.strictObject({
    /** Generated images (and as many captions and pairs) that the attribute accuracies are taken from. */
    samples: size,
    /** Training steps of the classifier that reads attributes off images. */
    classifierSteps: size,
  }),
});

export type RunConfig = z.infer<typeof runConfigSchema>;
