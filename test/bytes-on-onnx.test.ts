import { type OnnxBackend, registerOnnxBackend } from "@mmgen/backend-onnx";
import { type ImageBatch, Random } from "@mmgen/core";
import { compile, unpackBytes, uploadBytes } from "@mmgen/nn";
import { VqVae } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";

let backend: OnnxBackend;

beforeAll(async () => {
  registerOnnxBackend({ intraOpNumThreads: 1 });
  await tf.setBackend("onnx");
  backend = tf.backend() as OnnxBackend;
});

afterEach(() => void Object.assign(backend, { feedsTravel: false }));

describe.each([false, true])("where feeds travel to a device: %s", (feedsTravel) => {
  it.each([1, 3, 4, 6, 9])("rows of %d bytes come back", (rowLength) => {
    Object.assign(backend, { feedsTravel });
    const bytes = Uint8Array.from({ length: 5 * rowLength }, (_, i) => 255 - ((i * 37) % 256));
    const unpack = compile((input) => [unpackBytes(input as tf.Tensor2D, rowLength)]);
    const uploaded = uploadBytes(bytes.slice(), 5);
    const [unpacked] = unpack(uploaded);
    expect(uploaded.size).toBe(5 * (feedsTravel ? Math.ceil(rowLength / 4) : rowLength));
    expect(unpacked!.shape).toEqual([5, rowLength]);
    expect([...unpacked!.dataSync()]).toEqual([...bytes]);
    tf.dispose([uploaded, unpacked!]);
  });
});

it("a VQ-VAE finds the same codes and latents, with a quarter of what it uploads", async () => {
  const images: ImageBatch = {
    ...{ count: 3, height: 8, width: 8, channels: 3, maxValue: 255 },
    data: Uint8Array.from({ length: 3 * 192 }, (_, i) => (i * i * 7 + 13 * i) % 256),
  };
  const options = { imageSide: 8, maxValue: 255, network: { hiddenChannels: 4, residualBlocks: 1 } };
  using model = VqVae.create(options, { random: Random.fromSeed(1) });
  const uploaded = vi.spyOn(backend, "writeOwned");
  const results = [];
  for (const feedsTravel of [false, true]) {
    Object.assign(backend, { feedsTravel });
    uploaded.mockClear();
    const { data: codes } = await model.encode(images);
    const bytes = uploaded.mock.calls.reduce((sum, [values]) => sum + (values as Int32Array).byteLength, 0);
    results.push({ bytes, codes, latents: (await model.latents(images)).data });
  }
  uploaded.mockRestore();
  const [host, device] = results;
  expect(device!.codes).toEqual(host!.codes);
  expect(device!.latents).toEqual(host!.latents);
  // Three images are run as four.
  expect([host!.bytes, device!.bytes]).toEqual([4 * 192 * 4, 4 * 192]);
});
