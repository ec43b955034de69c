import { describe, expect, it } from "vitest";
import { digitsData } from "./digits-data.js";
import { modelReadme } from "./model-readme.js";
import { type TrainingData, type TrainingPlan, trainingOptions } from "./training-plan.js";

const plan: TrainingPlan = {
  ...{ name: "My images", dataset: "own", size: "small", codecSteps: 40, transformerSteps: 10, seed: 5 },
};
const form = { height: 1, width: 1, channels: 3, maxValue: 255 };
const held = { data: Uint8Array.of(9, 9, 9), count: 1, ...form };
const images = { data: Uint8Array.of(1, 2, 3, 4, 5, 6), count: 2, ...form };

describe("the options of a training", () => {
  it("repeat few images with their words, so that a pass is long enough", () => {
    const captioned = trainingOptions(plan, { images, held, captions: ["red", "blue"] });
    expect(captioned.images.count).toBe(1024);
    expect(captioned.images.data.slice(-6)).toEqual(images.data);
    expect(captioned.captions!.slice(-2)).toEqual(["red", "blue"]);
    expect(captioned.captions).toHaveLength(1024);
    const labeled = trainingOptions(plan, { images, held, classes: { labels: [1, 0], names: ["a", "b"] } });
    expect(labeled.classes!.labels).toHaveLength(1024);
    expect(labeled.captions).toBeUndefined();
  });

  it("take the plan's steps and seed, and climb within them", () => {
    expect(trainingOptions(plan, { images, held })).toMatchObject({
      seed: 5,
      composition: "whole",
      vqvae: { training: { steps: 40, warmUpSteps: 2 } },
      transformer: { training: { steps: 10, warmUpSteps: 0 } },
    });
  });
});

describe("digits to learn from", () => {
  it("are the same for the same seed, with a caption each, and some aside", () => {
    const data = digitsData(1);
    expect(data.images).toMatchObject({ count: 3000, height: 28, channels: 3, maxValue: 3 });
    expect(data.captions).toHaveLength(3000);
    expect(data.held.count).toBe(8);
    expect(digitsData(1)).toEqual(data);
    expect(digitsData(2).captions).not.toEqual(data.captions);
  });
});

describe("the README of a model", () => {
  const readme = (data: Omit<TrainingData, "images" | "held">) => modelReadme(plan, { images, held, ...data });

  it("says how Node loads it, and draws what it has learned", () => {
    expect(readme({ captions: ['a "red" one', "blue"] })).toContain('model.draw(["a \\"red\\" one"]');
    expect(readme({ classes: { labels: [0, 1], names: ["cats", "dogs"] } })).toContain('model.draw(["cats"]');
    expect(readme({})).toContain("model.invent(");
    expect(readme({})).toContain('loadFrom("my-images")');
  });

  it("names the author of what avatars are made of", () => {
    const avatars = modelReadme({ ...plan, dataset: "avatars" }, { images, held });
    expect(avatars).toContain("Micah Lanier");
    expect(readme({})).not.toContain("Micah Lanier");
  });
});
