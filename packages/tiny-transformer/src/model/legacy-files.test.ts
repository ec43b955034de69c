import { readFileSync } from "node:fs";
import { readSafetensors } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import { TinyTransformer } from "../index.js";

const read = (name: string) => readFileSync(new URL(`../../fixtures/legacy/${name}`, import.meta.url));

beforeAll(() => tf.setBackend("cpu"));

it.each(["transformer-rotary", "transformer-tied"])(
  "a legacy file without a kind gives the logits of its writer: %s",
  async (name) => {
    const bytes = read(`${name}.safetensors`);
    expect(readSafetensors(bytes).metadata.model).toBe("@mmgen/tiny-transformer");
    using model = TinyTransformer.fromSafetensors(bytes);
    const { ids, logits } = JSON.parse(read(`${name}.json`).toString());
    expect([...(await model.logits({ data: Int32Array.from(ids), count: 2, length: 3 }))]).toEqual(logits);
    const again = readSafetensors(await model.toSafetensors());
    expect(again.tensors).toEqual(readSafetensors(bytes).tensors);
    expect(again.metadata).toMatchObject({ kind: "mmgen.tiny-transformer", version: "1" });
    expect(JSON.parse(again.metadata.config!)).toEqual(model.config);
  },
);
