/**
 * A small digit classifier in plain JavaScript, so that measuring this package needs no other:
 * 5×5 convolutions of stride 2 to 8 and to 16 channels, ReLU after each, then one linear layer to ten classes;
 * softmax cross-entropy, Adam.
 */
export class SmallConvNet {
  /** @param random - A `Random` of @mmgen/core, for the first weights. */
  constructor(random) {
    this.layers = [
      new Convolution({ side: 28, channels: 1, filters: 8, random }),
      new Convolution({ side: 14, channels: 8, filters: 16, random }),
      new Linear({ inputs: 7 * 7 * 16, outputs: 10, random }),
    ];
    this.step = 0;
  }

  /** Ten logits of one image of 784 gray bytes. */
  logits(image) {
    let values = Float32Array.from(image, (level) => level / 255);
    for (const layer of this.layers) {
      values = layer.forward(values);
    }
    return values;
  }

  /** One Adam step on a batch; returns the mean loss in nats. */
  train(images, labels, learningRate) {
    let loss = 0;
    for (let i = 0; i < labels.length; i++) {
      const probabilities = softmax(this.logits(images.subarray(i * 784, (i + 1) * 784)));
      loss -= Math.log(probabilities[labels[i]] + 1e-12) / labels.length;
      let gradient = probabilities.map((p, k) => (p - (k === labels[i] ? 1 : 0)) / labels.length);
      for (let k = this.layers.length - 1; k >= 0; k--) {
        gradient = this.layers[k].backward(gradient, k > 0);
      }
    }
    this.step += 1;
    for (const layer of this.layers) {
      layer.update(learningRate, this.step);
    }
    return loss;
  }
}

/** Weights `[inputs, outputs]` with a bias row at the end, their gradient and Adam's moments. */
class Weights {
  constructor(inputs, outputs, random) {
    this.values = random.normals((inputs + 1) * outputs, Math.sqrt(2 / inputs)).fill(0, inputs * outputs);
    this.gradient = new Float32Array(this.values.length);
    this.mean = new Float32Array(this.values.length);
    this.square = new Float32Array(this.values.length);
  }

  update(learningRate, step) {
    const { values, gradient, mean, square } = this;
    const meanScale = 1 / (1 - 0.9 ** step);
    const squareScale = 1 / (1 - 0.999 ** step);
    for (let i = 0; i < values.length; i++) {
      mean[i] += 0.1 * (gradient[i] - mean[i]);
      square[i] += 0.001 * (gradient[i] * gradient[i] - square[i]);
      values[i] -= (learningRate * mean[i] * meanScale) / (Math.sqrt(square[i] * squareScale) + 1e-8);
    }
    gradient.fill(0);
  }
}

class Linear {
  constructor({ inputs, outputs, random }) {
    this.outputs = outputs;
    this.weights = new Weights(inputs, outputs, random);
  }

  forward(input) {
    this.input = input;
    const { outputs } = this;
    const { values } = this.weights;
    const output = values.slice(input.length * outputs);
    for (let i = 0; i < input.length; i++) {
      const x = input[i];
      if (x !== 0) {
        for (let k = 0; k < outputs; k++) {
          output[k] += x * values[i * outputs + k];
        }
      }
    }
    return output;
  }

  backward(gradient) {
    const { outputs, input } = this;
    const { values, gradient: sums } = this.weights;
    const inputGradient = new Float32Array(input.length);
    for (let i = 0; i < input.length; i++) {
      let sum = 0;
      for (let k = 0; k < outputs; k++) {
        sum += gradient[k] * values[i * outputs + k];
        sums[i * outputs + k] += gradient[k] * input[i];
      }
      inputGradient[i] = sum;
    }
    for (let k = 0; k < outputs; k++) {
      sums[input.length * outputs + k] += gradient[k];
    }
    return inputGradient;
  }

  update(learningRate, step) {
    this.weights.update(learningRate, step);
  }
}

/** 5×5, stride 2, padded to half the side, with ReLU; images are `[side, side, channels]`. */
class Convolution {
  constructor({ side, channels, filters, random }) {
    this.shape = { side, channels, filters };
    this.weights = new Weights(25 * channels, filters, random);
  }

  /** Calls `visit(output offset, input offset, weight offset, run length)` for each row of each window. */
  eachRow(visit) {
    const { side, channels, filters } = this.shape;
    const half = side / 2;
    for (let y = 0; y < half; y++) {
      for (let x = 0; x < half; x++) {
        const left = Math.max(0, 2 * x - 2);
        const run = (Math.min(side, 2 * x + 3) - left) * channels;
        for (let row = 0; row < 5; row++) {
          const from = 2 * y - 2 + row;
          if (from >= 0 && from < side) {
            const weight = (row * 5 + left - (2 * x - 2)) * channels * filters;
            visit((y * half + x) * filters, (from * side + left) * channels, weight, run);
          }
        }
      }
    }
  }

  forward(input) {
    const { side, channels, filters } = this.shape;
    const { values } = this.weights;
    const output = new Float32Array((side / 2) ** 2 * filters);
    const bias = values.subarray(25 * channels * filters);
    for (let i = 0; i < output.length; i += filters) {
      output.set(bias, i);
    }
    this.eachRow((to, from, weight, run) => {
      for (let i = 0; i < run; i++) {
        const x = input[from + i];
        if (x !== 0) {
          const at = weight + i * filters;
          for (let k = 0; k < filters; k++) {
            output[to + k] += x * values[at + k];
          }
        }
      }
    });
    for (let i = 0; i < output.length; i++) {
      output[i] = Math.max(0, output[i]);
    }
    this.input = input;
    this.output = output;
    return output;
  }

  backward(gradient, wantsInputGradient) {
    const { channels, filters } = this.shape;
    const { input, output } = this;
    const { values, gradient: sums } = this.weights;
    const masked = gradient.map((g, i) => (output[i] > 0 ? g : 0));
    const inputGradient = new Float32Array(wantsInputGradient ? input.length : 0);
    this.eachRow((to, from, weight, run) => {
      for (let i = 0; i < run; i++) {
        const x = input[from + i];
        const at = weight + i * filters;
        if (x !== 0) {
          for (let k = 0; k < filters; k++) {
            sums[at + k] += masked[to + k] * x;
          }
        }
        if (wantsInputGradient) {
          let sum = 0;
          for (let k = 0; k < filters; k++) {
            sum += masked[to + k] * values[at + k];
          }
          inputGradient[from + i] += sum;
        }
      }
    });
    const bias = 25 * channels * filters;
    for (let i = 0; i < masked.length; i++) {
      sums[bias + (i % filters)] += masked[i];
    }
    return inputGradient;
  }

  update(learningRate, step) {
    this.weights.update(learningRate, step);
  }
}

function softmax(logits) {
  const max = Math.max(...logits);
  const powers = logits.map((value) => Math.exp(value - max));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}
