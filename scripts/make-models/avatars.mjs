import { avatarAttributes } from "@mmgen/datasets";
import { avatarAttribution, loadAvatars } from "@mmgen/datasets/node";

/** Cartoon portraits of 64 × 64 pixels, and what they look like. */
export const avatars = {
  title: "Avatars",
  about: "Draws a cartoon portrait as a caption says, and says what one looks like.",
  dtype: "q8",
  async load() {
    const { train, test } = await loadAvatars({ trainCount: 6000, testCount: 500, side: 64, seed: 1 });
    return { train, test };
  },
  training: {
    ...{ preset: "quick", seed: 1 },
    transformer: { training: { steps: 1800, weightAverage: { decay: 0.995 } } },
  },
  classifier: { trunk: "image", steps: 500 },
  attributes: avatarAttributes([]).attributes,
  labels: ({ captions }) => read(captions),
  read,
  samples: [
    "a smiling tan person with long red hair and round glasses in a blue sweater on pink",
    "a laughing dark person with a black mohawk and a beard in a yellow t-shirt on blue",
    "a surprised pale person with closed eyes and a blond bob in a green shirt on orange",
    "a sad pale person with a red turban in a purple shirt on gray",
    "a smiling dark person with swept gray hair and square glasses in a white shirt on green",
    "a nervous tan person with a brown quiff in a red sweater on yellow",
    "a laughing pale person with long blue hair in a white t-shirt on pink",
    "a smiling pale person with a blue bob and round glasses in a yellow sweater on gray",
  ],
  data:
    "6000 avatars that `@mmgen/datasets` composes and draws (`loadAvatars`), each value of ten attributes about equally often, " +
    "captioned with 14 to 23 words. No combination of attributes of a test image is among them.",
  license: `${avatarAttribution} Recolored, moved and tilted; the model was trained on these images, and what it draws is a remix of them: say so beside it.`,
};

/** What captions say, by attribute: the value's index, −1 where it does not tell. */
function read(captions) {
  const { attributes, labels } = avatarAttributes(captions);
  const columns = attributes.length;
  return Object.fromEntries(
    attributes.map(({ name }, column) => [name, captions.map((_, row) => labels[row * columns + column])]),
  );
}
