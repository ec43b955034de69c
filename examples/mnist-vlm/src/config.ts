import { z } from "zod";

const size = z.int().positive();
const rate = z.number().positive();

const optimization = {
  batchSize: size,
  learningRate: rate,
  /** Where the learning rate ends, along a cosine. */
  finalLearningRate: z.number().min(0),
  /** Steps over which the learning rate climbs first. */
  warmUpSteps: z.int().min(0),
  weightDecay: z.number().min(0),
  clipNorm: rate,
};

/** Every choice of a run that shapes its result. */
export const vlmConfigSchema = z.strictObject({
  data: z.strictObject({
    /** The first of the training files. */
    trainCount: size,
    /** The last of the training files. */
    validationCount: size,
    /** The first of the test files. */
    testCount: size,
  }),
  tokenizer: z.strictObject({
    /** Widths of the encoder's hidden layers; the decoder mirrors them. */
    hidden: z.array(size),
    latentActivation: z.enum(["none", "relu"]),
    /** Letters of an image. */
    chunks: size,
    /** Distinct letters. */
    codebookSize: z.int().min(2).max(26),
    codeDimension: size,
    /** Whether a letter means the same at every place, or each place has a codebook of its own. */
    sharedCodebook: z.boolean(),
    codebook: z.enum(["ema", "gradient"]),
    commitmentWeight: z.number().min(0),
    deadCodeThreshold: z.number().min(0),
    /** At most so many. */
    epochs: size,
    /** Epochs without a smaller validation error after which training ends, with the weights of the best; absent: never. */
    patience: size.optional(),
    ...optimization,
  }),
  transformer: z.strictObject({
    width: size,
    heads: size,
    layers: size,
    dropout: z.number().min(0).max(0.9),
    tiedWeights: z.boolean(),
    /** Whether linear layers and layer norms add a bias. */
    bias: z.boolean(),
    steps: size,
    beta2: z.number().gt(0).lt(1),
    ...optimization,
    /** Weight of the digit's loss; a letter's is 1. */
    digitWeight: rate,
    /** Multiplies the weight of what a line asks with: the letters of one that reads, the digit of one that draws. */
    promptWeight: z.number().min(0),
    /**
     * When an image's task is tossed, to be drawn or to be read: once for good, or anew each time it is seen. Prepared
     * lines keep the order they have with `once`.
     */
    task: z.enum(["once", "anew"]),
    /** Steps after which the model is kept, to be evaluated; the last is always. */
    checkpoints: z.array(size),
  }),
  sampling: z.strictObject({
    temperature: z.number().min(0),
    topP: z.number().gt(0).max(1),
  }),
  evaluation: z.strictObject({
    /** Images drawn of each digit by the last model, and judged. */
    drawnPerDigit: size,
    /** Images of each digit shown of every checkpoint. */
    shownPerDigit: size,
    /** Training steps of the classifier that judges them. */
    classifierSteps: size,
    /** Test images whose latents are laid out in the plane. */
    embedded: size,
  }),
});

export type VlmConfig = z.infer<typeof vlmConfigSchema>;
