import "@tensorflow/tfjs-backend-cpu";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ImageBatch, Random, readSafetensors, writeSafetensors } from "@mmgen/core";
import { VqVae } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { cachedCodes } from "../folder/cached-codes.js";
import { squares } from "../model/squares.fixture.js";

let cacheDir: string;
let vqvae: VqVae;
const { images } = squares(6, 1);
const create = (seed: number) =>
  VqVae.create(
    { imageSide: 8, network: { hiddenChannels: 4, stages: 1 }, quantizer: { codebookSize: 8, codeDimension: 2 } },
    { random: Random.fromSeed(seed) },
  );
beforeAll(async () => {
  await tf.setBackend("cpu");
  cacheDir = await mkdtemp(join(tmpdir(), "mmgen-codes-"));
  vqvae = create(1);
});
afterAll(() => rm(cacheDir, { recursive: true }));

/** The codes, and whether they were encoded rather than read. */
async function codesOf(codec: VqVae, of: ImageBatch = images) {
  const encode = vi.spyOn(codec, "encode");
  const codes = await cachedCodes({ vqvae: codec, images: of, cacheDir });
  const isEncoded = encode.mock.calls.length > 0;
  encode.mockRestore();
  return { codes, isEncoded };
}

const files = async () => (await readdir(cacheDir)).sort();

describe("cachedCodes", () => {
  it("encodes once for each codec and set of images", async () => {
    const expected = await vqvae.encode(images);
    expect(await codesOf(vqvae)).toEqual({ codes: expected, isEncoded: true });
    expect(await codesOf(vqvae)).toEqual({ codes: expected, isEncoded: false });
    expect(await codesOf(create(1))).toEqual({ codes: expected, isEncoded: false });
    expect((await codesOf(create(2))).isEncoded).toBe(true);
    const { images: others } = squares(6, 2);
    expect(await codesOf(vqvae, others)).toEqual({ codes: await vqvae.encode(others), isEncoded: true });
    expect(await files()).toHaveLength(3);
    for (const each of [vqvae, create(2)]) {
      expect((await codesOf(each)).isEncoded).toBe(false);
    }
  });

  it("never trusts a file that is damaged, cut, of other codes or no file of codes", async () => {
    const { codes } = await codesOf(vqvae);
    const whole = new Map<string, Uint8Array>();
    for (const name of await files()) {
      whole.set(name, await readFile(join(cacheDir, name)));
    }
    const keyOf = (bytes: Uint8Array) => readSafetensors(bytes).metadata.key!;
    const [name, bytes] = [...whole].find(([, each]) => {
      const found = readSafetensors(each).tensors.get("codes")!.data;
      return Buffer.from(found.buffer, found.byteOffset, found.byteLength).equals(Buffer.from(codes.data.buffer));
    })!;
    expect(name).toBe(`codes-${keyOf(bytes).slice(0, 32)}.safetensors`);
    const foreign = [...whole.values()].find((each) => keyOf(each) !== keyOf(bytes))!;
    const { metadata, tensors } = readSafetensors(bytes);
    const stored = tensors.get("codes")!;
    const other = (data: Int32Array, shape: readonly number[]) =>
      writeSafetensors({ metadata, tensors: new Map([["codes", { ...stored, data, shape }]]) });
    const flipped = Uint8Array.from(bytes);
    flipped[flipped.length - 4]! ^= 1;
    for (const damaged of [
      ...[flipped, bytes.subarray(0, bytes.length - 8), new Uint8Array(0), new Uint8Array(64), foreign],
      other(
        Int32Array.from(codes.data, (code) => (code + 1) % 8),
        [6, 4, 4],
      ),
      other(codes.data, [1, 24, 4]),
      other(new Int32Array(96).fill(1000), [6, 4, 4]),
      writeSafetensors({ metadata: { ...metadata, version: "2" }, tensors }),
    ]) {
      await writeFile(join(cacheDir, name), damaged);
      expect(await codesOf(vqvae)).toEqual({ codes, isEncoded: true });
      expect(new Uint8Array(await readFile(join(cacheDir, name)))).toEqual(new Uint8Array(bytes));
    }
    expect((await codesOf(vqvae)).isEncoded).toBe(false);
  });

  it("refuses what it cannot encode", async () => {
    await expect(cachedCodes({ vqvae, images: squares(1, 1).images } as never)).rejects.toThrow(/cacheDir/);
    await expect(cachedCodes({ vqvae, images: null as never, cacheDir })).rejects.toThrow(/images/);
    const small = { data: new Uint8Array(12), count: 1, height: 2, width: 2, channels: 3, maxValue: 3 };
    await expect(cachedCodes({ vqvae, images: small, cacheDir })).rejects.toThrow(/side|height|width|8/);
  });
});
