import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sliceImages } from "@mmgen/core";
import { AttributeClassifier } from "@mmgen/evaluation";
import { trainAttributeClassifier } from "mmgen";

/** Test images that are measured on, so many captions of which are drawn. */
const samples = 200;

/**
 * How often a model is right, as shares: attribute by attribute and in all of them.
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
  };
  classifier.dispose();
  return figures;
}

/** Of each attribute the share of equal labels, and of rows that are equal in all. */
function shares({ attributes }, expected, found) {
  const rows = expected[attributes[0].name].length;
  const isRight = (name, row) => expected[name][row] === found[name][row];
  const share = (count) => count / rows;
  const indices = Array.from({ length: rows }, (_, row) => row);
  return {
    ...Object.fromEntries(
      attributes.map(({ name }) => [name, share(indices.filter((row) => isRight(name, row)).length)]),
    ),
    all: share(indices.filter((row) => attributes.every(({ name }) => isRight(name, row))).length),
  };
}
