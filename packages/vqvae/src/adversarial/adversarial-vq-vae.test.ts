import { inspect } from "node:util";
import "@mmgen/nn/gradients";
import { ConfigError, type LossOptions, Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { VqVae } from "../model/vq-vae.js";
import { AdversarialVqVae } from "./adversarial-vq-vae.js";
import { expectClose, gradientsOf, referenceOf, type Terms } from "./reference-gradients.fixture.js";
import { images, tinyAdversarial, tinyVqVae } from "./tiny-adversarial.fixture.js";

beforeAll(() => tf.setBackend("cpu"));
afterAll(() => expect(tf.memory().numTensors).toBe(0));

const stepOf = (step: number, seed = 5): LossOptions => ({ training: true, random: Random.fromSeed(seed), step });
function released(model: AdversarialVqVae) {
  model.dispose();
  model.vqvae.dispose();
}

describe("AdversarialVqVae", () => {
  it.each(["spectral", "group"] as const)(
    "has the gradients of the plain sum of its terms, each network's by its own loss alone: %s",
    (normalization) => {
      const discriminator = { normalization, blurPool: normalization === "group" };
      const weighting = { type: "constant", weight: 0.3 } as const;
      const lecam = { weight: 0 };
      const model = tinyAdversarial(tinyVqVae(), { discriminator, weighting, lecam, perceptual: { weight: 2 } });
      const { generator, adversary, metrics } = gradientsOf(model, stepOf(0));
      const sum = ({ reconstruction, perceptual, adversarial }: Terms) =>
        tf.addN([reconstruction, tf.mul(perceptual, 2), tf.mul(adversarial, 0.3)]) as tf.Scalar;
      const expected = referenceOf(model, [...model.parameters.values()], sum);
      expect(generator.value).toBeCloseTo(expected.value, 5);
      for (const [i, name] of [...model.parameters.keys()].entries()) {
        expectClose(generator.gradients[name], expected.gradients[i], name);
      }
      const ofHinge = referenceOf(model, [...model.adversary.parameters.values()], ({ hinge }) => hinge);
      for (const [i, name] of [...model.adversary.parameters.keys()].entries()) {
        expectClose(adversary.gradients[name], ofHinge.gradients[i], name);
      }
      expect(metrics.adversarialWeight).toBeCloseTo(0.3, 6);
      expect(metrics.fakeScore).toBeCloseTo(-metrics.adversarial!, 6);
      released(model);
    },
  );

  it("has gradients that differences confirm, of both networks, and passes none to the other", () => {
    const weighting = { type: "constant", weight: 0.5 } as const;
    const augmentation = ["color", "translation", "cutout"] as const;
    const model = tinyAdversarial(tinyVqVae(), { weighting, augmentation, lecam: { weight: 0.5 } });
    for (const [name, value] of [
      ["lecam.real_score", 0.3],
      ["lecam.fake_score", -0.2],
    ] as const) {
      tf.tidy(() => model.adversary.buffers.get(name)!.assign(tf.scalar(value)));
    }
    const { generator, adversary } = gradientsOf(model, stepOf(0));
    const differences = (part: "generator" | "adversary", variable: tf.Variable, at: number) => {
      const values = variable.dataSync().slice();
      const valueAt = (offset: number) => {
        const moved = values.map((value, i) => (i === at ? value + offset : value));
        tf.tidy(() => variable.assign(tf.tensor(moved, variable.shape)));
        return gradientsOf(model, stepOf(0))[part].value;
      };
      const slope = (valueAt(5e-3) - valueAt(-5e-3)) / 1e-2;
      tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
      return slope;
    };
    const output = [...model.parameters].filter(([name]) => name.startsWith("decoder.output."));
    const [bias] = [...model.adversary.parameters].filter(([name]) => name.endsWith("layers.1.conv.bias"));
    const [score] = [...model.adversary.parameters].filter(([name]) => name.endsWith("output.bias"));
    for (const [part, [name, variable], at] of [
      ["generator", output[0]!, 5],
      ["generator", output[1]!, 1],
      ["adversary", bias!, 2],
      ["adversary", score!, 0],
    ] as const) {
      const analytic = (part === "generator" ? generator : adversary).gradients[name]![at]!;
      expect(Math.abs(analytic - differences(part, variable, at)), name).toBeLessThan(2e-3);
      expect(Math.abs(analytic), name).toBeGreaterThan(4e-3);
    }
    // A total reaches no parameter of the other network.
    const reached = (part: "total" | "adversaryTotal", variables: Iterable<tf.Variable>) =>
      tf.tidy(() => {
        const list = [...variables];
        const extra = tf.variable(tf.scalar(1));
        const { grads } = tf.variableGrads(
          () => tf.add(model.loss(images, stepOf(0))[part]!, extra) as tf.Scalar,
          [...list, extra],
        );
        extra.dispose();
        return list.filter(({ name }) => grads[name] != null).length as never;
      });
    expect(reached("total", model.adversary.parameters.values())).toBe(0);
    released(model);
  });

  it("weighs the adversarial term by the gradients' norms at the decoder's last convolution", () => {
    for (const upsampling of ["nearest", "transposed"] as const) {
      const network = { levels: [4, 4], residualBlocks: 0, normalization: "none", upsampling } as const;
      const model = tinyAdversarial(tinyVqVae({ network }), { rampSteps: 3, lecam: { weight: 0 } });
      const last = model.parameters.get(
        upsampling === "nearest" ? "decoder.output.conv.weight" : "decoder.up.1.conv.weight",
      )!;
      const norm = (sum: (terms: Terms) => tf.Scalar) => Math.hypot(...referenceOf(model, [last], sum).gradients[0]!);
      const comparing = norm(({ reconstruction, perceptual }) => tf.add(reconstruction, perceptual));
      const lambda = comparing / (norm(({ adversarial }) => adversarial) + 1e-4);
      // The second of four steps, the last of which has the whole weight.
      const { metrics, generator } = gradientsOf(model, stepOf(1));
      expect(metrics.adversarialWeight! / (0.8 * lambda * 0.5)).toBeCloseTo(1, 4);
      const expected = referenceOf(model, [...model.parameters.values()], (terms) =>
        tf.add(terms.reconstruction, tf.add(terms.perceptual, tf.mul(terms.adversarial, 0.4 * lambda))),
      );
      for (const [i, name] of [...model.parameters.keys()].entries()) {
        expectClose(generator.gradients[name], expected.gradients[i], name);
      }
      released(model);
    }
  });

  it("trains the discriminator alone before its term counts, and is the VqVae where no step is taken", () => {
    const model = tinyAdversarial(tinyVqVae(), { startStep: 2, perceptual: { weight: 0 } });
    const early = gradientsOf(model, stepOf(1));
    const plain = referenceOf(model, [...model.parameters.values()], ({ reconstruction }) => reconstruction);
    for (const [i, name] of [...model.parameters.keys()].entries()) {
      expectClose(early.generator.gradients[name], plain.gradients[i], name);
    }
    expect(early.metrics.adversarialWeight).toBe(0);
    expect(Object.values(early.adversary.gradients).some((each) => each!.some((value) => value !== 0))).toBe(true);
    expect(gradientsOf(model, stepOf(2)).metrics.adversarialWeight).toBeGreaterThan(0);
    tf.tidy(() => {
      for (const options of [{ training: false }, { training: true }]) {
        const found = model.loss(images, { ...options, random: Random.fromSeed(1) });
        const expected = model.vqvae.loss(images, options);
        expect(found.total.dataSync()).toEqual(expected.total.dataSync());
        expect(Object.keys(found.metrics)).toEqual(Object.keys(expected.metrics));
        expect(found.adversaryTotal).toBeUndefined();
      }
    });
    released(model);
  });

  it("moves spectral directions and running scores after a step, and only then", async () => {
    const model = tinyAdversarial(tinyVqVae(), { lecam: { weight: 0.01, decay: 0.9 } });
    await model.initialize(images, Random.fromSeed(3));
    const read = () => [...model.adversary.buffers].map(([, each]) => [...each.dataSync()]);
    const [before, names] = [read(), [...model.adversary.buffers.keys()]];
    const { aux, metrics, total } = tf.tidy(() => {
      let result: ReturnType<AdversarialVqVae["loss"]> | undefined;
      tf.variableGrads(() => {
        result = model.loss(images, stepOf(0));
        tf.keep(result.metrics.realScore!);
        tf.keep(result.metrics.fakeScore!);
        Object.values(result.aux).forEach(tf.keep);
        return result.total;
      }, [...model.parameters.values()]);
      return result! as never;
    }) as ReturnType<AdversarialVqVae["loss"]>;
    expect(read()).toEqual(before);
    const scores = [metrics.realScore!, metrics.fakeScore!].map((score) => score.dataSync()[0]!);
    model.afterStep(aux, Random.fromSeed(4));
    const after = new Map(read().map((values, i) => [names[i]!, values]));
    expect(after.get("lecam.real_score")![0]).toBeCloseTo(0.1 * scores[0]!, 6);
    expect(after.get("lecam.fake_score")![0]).toBeCloseTo(0.1 * scores[1]!, 6);
    const direction = names.findIndex((name) => name.endsWith("layers.1.conv.weight_u"));
    expect(after.get(names[direction]!)).not.toEqual(before[direction]);
    expect(Math.hypot(...after.get(names[direction]!)!)).toBeCloseTo(1, 5);
    tf.dispose([aux, metrics, total]);
    released(model);
  });

  it("adds up the adversary's loss to one tensor", () => {
    const model = tinyAdversarial(tinyVqVae(), { lecam: { weight: 0.5 } });
    const scores = { real: tf.tensor1d([0.5]), fake: tf.tensor1d([-0.5]) };
    const before = tf.memory().numTensors;
    const loss = model.adversary.loss(scores);
    expect(tf.memory().numTensors - before).toBe(1);
    // ½ · (½ + ½) of the hinge, and half of (¼ + ¼), the running means being 0 still.
    expect(loss.dataSync()[0]).toBeCloseTo(0.75, 6);
    tf.dispose([loss, scores.real, scores.fake]);
    released(model);
  });

  it("lets the decoder alone learn, and leaves every code as it was", async () => {
    const vqvae = tinyVqVae();
    const model = tinyAdversarial(vqvae, { learns: "decoder" });
    await model.initialize(images, Random.fromSeed(3));
    const [codes, saved] = [await vqvae.encode(images), await vqvae.toSafetensors()];
    const decoder = [...vqvae.parameters.keys()].filter((name) => name.startsWith("decoder."));
    expect([...model.parameters.keys()]).toEqual(decoder);
    expect(model.buffers.size).toBe(0);
    const whole = tinyAdversarial(tinyVqVae());
    await whole.initialize(images, Random.fromSeed(3));
    const expected = gradientsOf(whole, stepOf(0)).generator.gradients;
    const { generator } = gradientsOf(model, stepOf(0));
    for (const name of decoder) {
      expectClose(generator.gradients[name], expected[name], name);
    }
    tf.tidy(() => {
      tf.variableGrads(() => {
        const { aux, total } = model.loss(images, stepOf(0));
        model.afterStep(aux, Random.fromSeed(4));
        return total;
      });
    });
    expect(await vqvae.toSafetensors()).toEqual(saved);
    expect((await vqvae.encode(images)).data).toEqual(codes.data);
    released(model);
    released(whole);
  });

  it.each(["random", "own"] as const)("compares features that never change: %s", (features) => {
    const vqvae = tinyVqVae();
    const own = (pixels: tf.Tensor4D) => [tf.avgPool(pixels, 2, 2, "valid"), tf.zerosLike(pixels)];
    const options = {
      perceptual: { features, weight: 3 },
      startStep: 10,
      discriminator: { baseChannels: 2, levels: 1 },
    };
    const parts = { random: Random.fromSeed(2), ...(features === "own" && { features: own }) };
    const model = AdversarialVqVae.create(vqvae, options, parts);
    const frozen = features === "own" ? own : (pixels: tf.Tensor4D) => model.adversary.features!.forward(pixels);
    const { generator, metrics } = gradientsOf(model, stepOf(0));
    const levels = model.uploadBatch(images).tensors.levels as tf.Tensor4D;
    const unit = (x: tf.Tensor) => tf.div(x, tf.sqrt(tf.add(tf.sum(tf.square(x), -1, true), 1e-8)));
    const { value, grads } = tf.variableGrads(() => {
      const criterion = ({ output }: { output: tf.Tensor4D }) => {
        const real = tf.sub<tf.Tensor4D>(tf.div(tf.cast(levels, "float32"), 127.5), 1);
        const [made, originals] = [frozen(output), frozen(real)];
        const layers = made.map((each, i) => tf.mean(tf.abs(tf.sub(unit(each), unit(originals[i]!)))));
        const perceptual = tf.mul(tf.addN(layers), 3 / layers.length);
        return {
          total: tf.add(tf.mean(tf.squaredDifference(output, real)), perceptual) as tf.Scalar,
          metrics: {},
          aux: {},
        };
      };
      return vqvae.lossTensor({ levels }, { training: true, criterion }).total;
    }, [...vqvae.parameters.values()]);
    expect(metrics.perceptual).toBeGreaterThan(0);
    expect(generator.value).toBeCloseTo(value.dataSync()[0]!, 5);
    for (const [name, variable] of vqvae.parameters) {
      expect(generator.gradients[name]?.every(Number.isFinite) ?? true).toBe(true);
      expectClose(generator.gradients[name], grads[variable.name]?.dataSync(), name);
    }
    tf.dispose([value, grads, levels]);
    expect([...model.adversary.parameters.keys()].every((name) => name.startsWith("discriminator."))).toBe(true);
    released(model);
  });

  it("refuses other heads and options, and leaves the VqVae to its owner", () => {
    const sigmoid = tinyVqVae({ head: "sigmoid" });
    const batchNorm = tinyVqVae({ network: { levels: [4, 4], residualBlocks: 0, normalization: "batch" } });
    const vqvae: VqVae = tinyVqVae();
    const parts = { random: Random.fromSeed(2) };
    const features = (pixels: tf.Tensor4D) => [pixels];
    for (const [make, message] of [
      [() => AdversarialVqVae.create(sigmoid, {}, parts), /"regression" gives, and this model has "sigmoid"/],
      [() => AdversarialVqVae.create(batchNorm, { learns: "decoder" }, parts), /normalization "group" or "none"/],
      [() => AdversarialVqVae.create(vqvae, { learns: "encoder" } as never, parts), /learns/],
      [() => AdversarialVqVae.create(vqvae, { startSteps: 1 } as never, parts), /did you mean "startStep"/],
      [() => AdversarialVqVae.create(vqvae, { discriminator: { channels: 3 } } as never, parts), /channels/],
      [() => AdversarialVqVae.create(vqvae, { weighting: { type: "constant", factor: 1 } } as never, parts), /factor/],
      [() => AdversarialVqVae.create(vqvae, { perceptual: { features: "own" } }, parts), /expected a function/],
      [() => AdversarialVqVae.create(vqvae, {}, { ...parts, features }), /needs perceptual.features/],
      [() => AdversarialVqVae.create(vqvae, {}, undefined as never), /random/],
    ] as const) {
      expect(make).toThrow(ConfigError);
      expect(make).toThrow(message);
    }
    const model = tinyAdversarial(vqvae);
    expect(inspect(model)).toMatch(/^AdversarialVqVae\(\d+ parameters of the adversary, adaptive\)$/);
    model.dispose();
    model.dispose();
    expect(vqvae.parameters.get("decoder.output.conv.bias")!.isDisposed).toBe(false);
    sigmoid.dispose();
    batchNorm.dispose();
    vqvae.dispose();
  });
});
