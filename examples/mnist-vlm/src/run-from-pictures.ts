import { loadDigits } from "@mmgen/datasets/node";
import { type SequenceModels, tokenizerFigures, trainReader } from "@mmgen/example-common";
import { attributeAgreement } from "@mmgen/training";
import { command } from "./checkpoints.js";
import { type DrawingFigures, drawAllDigits, judgeDrawn } from "./draw-digits.js";
import { embedLatents } from "./embed.js";
import { evaluateLines } from "./evaluate.js";
import { digitNames, type LetterPairs, lineTokenizer } from "./letters.js";
import { writeGenerated, writeLatents, writeLogos, writeReconstructions } from "./pictures.js";
import type { RunMetrics } from "./run-metrics.js";
import { begin, finish, learnLines, observersOf, type Run } from "./run-stages.js";
import { trainLetters } from "./train-letters.js";
import { checkpointSteps } from "./train-lines.js";

/** The whole road: pictures, letters, lines, both tasks. */
export async function runFromPictures(run: Run): Promise<RunMetrics> {
  const { checkpoints, narrator, settings, signal, write } = run;
  const { config, data, seed } = settings;
  narrator.stage("Data");
  const digits = await loadDigits({
    source: data,
    seed,
    ...config.data,
    dataDir: run.dataDir,
    onMessage: narrator.line,
  });
  await begin(run, digits.source);
  const { train, validation, test } = digits;

  narrator.stage("Letters");
  const letters = await trainLetters({
    config: config.tokenizer,
    train: train.images,
    validation: validation.images,
    seed,
    checkpoints,
    observers: observersOf(run, "letters"),
    signal,
  });
  using vqvae = letters.vqvae;
  const { codebookSize, chunks } = config.tokenizer;
  const tokenizer = lineTokenizer(codebookSize, chunks);
  const pairsOf = async ({ images, labels }: typeof train): Promise<LetterPairs> => ({
    codes: await vqvae.encode(images),
    captions: Array.from(labels, (label) => digitNames[label]!),
  });
  const [trainPairs, validationPairs, testPairs] = [
    await pairsOf(train),
    await pairsOf(validation),
    await pairsOf(test),
  ];

  const transformerHistory = await learnLines(run, tokenizer, trainPairs, validationPairs);

  narrator.stage("Evaluation");
  using classifier = await trainReader({
    attributes: [{ name: "digit", classes: 10 }],
    images: train.images,
    labels: { digit: train.labels },
    steps: config.evaluation.classifierSteps,
    seed,
    observers: narrator.observers("classifier"),
    signal,
    command,
  });
  const sampling = { seed, ...config.sampling, signal };
  const generated: { step: number; image: Uint8Array }[] = [];
  const showDrawn = async (models: SequenceModels, step: number) => {
    const drawn = await drawAllDigits({ ...models, vqvae }, config.evaluation.shownPerDigit, sampling);
    const figures = await judgeDrawn(classifier, drawn);
    generated.push({ step, image: await writeGenerated(write, step, drawn, figures) });
  };
  const steps = checkpointSteps(config.transformer);
  let drawn: DrawingFigures | undefined;
  const evaluation = await evaluateLines({
    ...{ tokenizer, checkpoints, steps, heldOut: testPairs, seed, signal },
    onModel: async (models, step) => {
      await showDrawn(models, step);
      if (step === steps.at(-1)) {
        const all = await drawAllDigits({ ...models, vqvae }, config.evaluation.drawnPerDigit, sampling);
        drawn = await judgeDrawn(classifier, all);
      }
    },
  });
  const reconstruction = await vqvae.decode(testPairs.codes);
  const truth = { digit: test.labels };
  const judged = async (images: typeof test.images) =>
    attributeAgreement(truth, await classifier.predict(images)).accuracy.digit;
  const pictures = {
    tokenizer: await tokenizerFigures(vqvae, test.images),
    classifier: { onTestImages: await judged(test.images), onReconstructions: await judged(reconstruction) },
    drawn: drawn!,
  };
  const positions = await embedLatents(vqvae, test.images, config.evaluation.embedded, seed);

  narrator.stage("Pictures");
  return finish(run, {
    source: digits.source,
    evaluatedOn: "test pictures",
    evaluation,
    pictures,
    histories: { tokenizer: letters.history, transformer: transformerHistory },
    images: {
      logos: await writeLogos(write, tokenizer, trainPairs),
      reconstructions: await writeReconstructions(write, test.images, reconstruction),
      latents: await writeLatents(write, positions, test.labels),
      generated,
    },
  });
}
