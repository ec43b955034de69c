import { Random } from "@mmgen/core";
import { digitWords, palette } from "@mmgen/datasets";
import { loadCaptionedDigits } from "@mmgen/datasets/node";

const colors = palette.map(({ name }) => spoken(name));

/** Digits of two colors, drawn from a seed and described in everyday words: "red three on white". */
export const digits = {
  title: "Digits",
  about: "Draws a digit of one color on another as a caption says, and says what an image of one shows.",
  dtype: "q8",
  async load() {
    const counts = { trainCount: 30_000, testCount: 1000 };
    const { train, test } = await loadCaptionedDigits({ source: "procedural", seed: 1, ...counts });
    return { train: described(train, 1), test: described(test, 2) };
  },
  training: {
    ...{ preset: "quick", composition: "figure-ground", seed: 1 },
    vqvae: { training: { steps: 1200 } },
    transformer: {
      ...{ width: 96, heads: 4, layers: 3 },
      training: { steps: 3000, batchSize: 48, learningRate: 3e-3, weightAverage: { decay: 0.995 } },
    },
    sampling: { temperature: 0.6, topP: 0.9 },
  },
  classifier: { trunk: "digits", steps: 400 },
  attributes: [
    { name: "digit", values: digitWords.map(spoken) },
    { name: "digit color", values: colors },
    { name: "background", values: colors },
  ],
  labels: ({ captions }) => read(captions),
  read,
  samples: [
    ...["red three on white", "white seven on blue", "dark green eight on bright cyan", "bright yellow zero on black"],
    ...["orange two on dark blue", "light pink five on purple", "black nine on gold", "blue four on light gray"],
  ],
  data:
    '30 000 digits drawn from a seed by `@mmgen/datasets` (`loadCaptionedDigits({ source: "procedural" })`), each in one of ' +
    '32 colors on another, captioned with four to six words. In half of the captions a plain color is said without "plain".',
  license:
    "The data are drawn by this repository's own code, and nothing else was learned from: the model is under this " +
    "repository's MIT license.",
};

/** A data set's words as people say them: "eight" as it is spelled, a color without "plain" or "normal". */
function spoken(caption) {
  return caption.replace("eigth", "eight").replaceAll(/\b(plain|normal) /g, "");
}

/** A split with captions of which half keep "plain" and "normal". */
function described({ captions, images }, seed) {
  const random = Random.fromSeed(seed).fork("words");
  const said = captions.map((caption) => {
    const spelled = caption.replace("eigth", "eight");
    return random.uniform() < 0.5 ? spelled : spoken(spelled);
  });
  return { images, captions: said };
}

/** What captions say, by attribute: the value's index, −1 where it says none. */
function read(captions) {
  const digitNames = digitWords.map(spoken);
  const parts = captions.map((caption) => /^(.*) (\S+) on (.*)$/.exec(spoken(caption)) ?? []);
  return {
    digit: parts.map(([, , digit]) => digitNames.indexOf(digit)),
    "digit color": parts.map(([, color]) => colors.indexOf(color)),
    background: parts.map(([, , , color]) => colors.indexOf(color)),
  };
}
