import "@tensorflow/tfjs-backend-cpu";
import { AbortedError, Random } from "@mmgen/core";
import { VqVae } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { squares } from "../model/squares.fixture.js";
import { encodeImages } from "./encode-images.js";
import { storedCodes } from "./stored-codes.js";

let vqvae: VqVae;
const { images } = squares(300, 1);
beforeAll(async () => {
  await tf.setBackend("cpu");
  vqvae = VqVae.create(
    { imageSide: 8, network: { hiddenChannels: 4, stages: 1 }, quantizer: { codebookSize: 8, codeDimension: 2 } },
    { random: Random.fromSeed(1) },
  );
});

describe("encodeImages", () => {
  it("gives the codec's own codes, whether or not it can be stopped", async () => {
    const expected = await vqvae.encode(images);
    expect(await encodeImages(vqvae, images)).toEqual(expected);
    expect(await encodeImages(vqvae, images, new AbortController().signal)).toEqual(expected);
  });

  it("hears a timer that stops it between two parts, and then nothing is stored", async () => {
    const controller = new AbortController();
    const encode = vi.spyOn(vqvae, "encode");
    encode.mockImplementationOnce(async (part) => {
      setTimeout(() => controller.abort("enough"));
      return vqvae.encode(part);
    });
    const files = new Map<string, Uint8Array>();
    const store = {
      read: (name: string) => files.get(name),
      write: async (name: string, bytes: Uint8Array) => void files.set(name, bytes),
    };
    const options = { vqvae, images, store, name: "codes" };
    const stopped = await storedCodes({ ...options, signal: controller.signal }).catch((error: unknown) => error);
    encode.mockRestore();
    expect(stopped).toBeInstanceOf(AbortedError);
    expect(stopped).toMatchObject({ message: "Stopped while images were encoded, after 256 of 300.", cause: "enough" });
    expect(files.size).toBe(0);
    expect(await storedCodes(options)).toEqual(await vqvae.encode(images));
    expect(files.size).toBe(1);
  });
});
