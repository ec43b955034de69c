import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sliceImages } from "@mmgen/core";
import { AttributeClassifier, attributeAgreement, attributeScores } from "@mmgen/evaluation";
import { trainAttributeClassifier } from "mmgen";

/** Test images that are measured on, so many captions of which are drawn. */
const samples = 200;

/**
 * How often a model is right, as shares: attribute by attribute and in all of them, of images of many colors beside the
 * share of each attribute's commonest value.
 *
 * Attributes of images are read by a classifier that learned them from the training images; its own share on real test
 * images is the best that any model could get.
 *
 * @param model - Borrowed.
 * @param recipe - What it was made by.
 * @param options - `data`: what `recipe.load` gave; `work`: a folder that keeps the classifier.
 */
export async function evaluate(model, recipe, { data, work, observers }) {
  const { train, test } = data;
  const file = join(work, "classifier.safetensors");
  const attributes = recipe.attributes.map(({ name, values }) => ({ name, classes: values.length }));
  const classifier = existsSync(file)
    ? AttributeClassifier.fromSafetensors(new Uint8Array(await readFile(file)))
    : await trainAttributeClassifier({
        ...{ attributes, images: train.images, labels: recipe.labels(train), trunk: recipe.classifier.trunk },
        ...{ steps: recipe.classifier.steps, seed: 1, observers },
      });
  if (!existsSync(file)) {
    await writeFile(file, await classifier.toSafetensors());
  }
  const images = sliceImages(test.images, 0, samples);
  const captions = test.captions.slice(0, samples);
  const asked = recipe.labels({ ...test, captions, images });
  const shown = async (drawn) => shares(recipe, asked, await classifier.predict(drawn));
  const written = await model.caption(images);
  const invented = await model.invent({ count: samples, seed: 3 });
  const figures = {
    samples,
    "real test images, by the classifier": await shown(images),
    "reconstructed test images": await shown(await model.reconstruct(images)),
    "caption → image": await shown(await model.draw(captions, { seed: 2 })),
    "caption → image, the best of 4": await shown(await model.draw(captions, { candidates: 4, seed: 2 })),
    "image → caption": shares(recipe, asked, recipe.read(written)),
    "invented pairs that agree": shares(
      recipe,
      recipe.read(invented.captions),
      await classifier.predict(invented.images),
    ),
    ...(recipe.classifier.trunk === "image" && { "the commonest value": commonest(recipe, asked) }),
  };
  classifier.dispose();
  return figures;
}

/** Of each attribute the share of equal labels, of images of many colors a mean over its values; and of rows equal in all. */
function shares({ attributes, classifier }, expected, found) {
  if (classifier.trunk === "digits") {
    const { accuracy, allRight } = attributeAgreement(expected, found);
    return { ...accuracy, all: allRight };
  }
  const { allRight, attributes: scores } = scoresOf(attributes, expected, found);
  return { ...Object.fromEntries(scores.map(({ balanced, name }) => [name, balanced])), all: allRight };
}

/** What always answering the commonest value of each attribute would score, as a share of the images. */
function commonest({ attributes }, expected) {
  const { attributes: scores } = scoresOf(attributes, expected, expected);
  return { ...Object.fromEntries(scores.map(({ commonest, name }) => [name, commonest])), all: 0 };
}

function scoresOf(attributes, expected, found) {
  const count = expected[attributes[0].name].length;
  const labels = Int32Array.from(
    { length: count * attributes.length },
    (_, i) => expected[attributes[i % attributes.length].name][Math.floor(i / attributes.length)],
  );
  return attributeScores({ count, attributes, labels }, found);
}
