import { describe, expect, expectTypeOf, it } from "vitest";
import { ConfigError } from "../errors/errors.js";
import {
  boolean,
  type ConfigOf,
  fields,
  functionValue,
  listOf,
  namedVariants,
  number,
  type OptionsOf,
  oneOf,
  optional,
  pipe,
  resolveOptions,
  rule,
  text,
  transform,
  variant,
  variants,
  wholeNumber,
} from "../options.js";

const vector = variant("vector", { codebookSize: optional(wholeNumber({ min: 1 }), 512) });
const fsq = pipe(
  variant("fsq", { levels: optional(listOf(wholeNumber({ min: 2 }), { minLength: 1 }), [8, 6, 5]) }),
  rule("levels", ({ levels }) => (levels.length > 3 ? "expected at most 3 values here." : undefined)),
);
const schema = pipe(
  fields({
    epochs: wholeNumber({ min: 1 }),
    dropout: optional(number({ min: 0, below: 1 }), 0),
    head: optional(oneOf(["regression", "categorical"]), "regression"),
    causal: optional(boolean(), true),
    note: optional(text()),
    onStep: optional(functionValue<(step: number) => void>()),
    quantizer: optional(variants(vector, fsq), {}),
    composition: optional(namedVariants(variant("whole", {}), variant("figure-ground", { levels: wholeNumber() }))),
  }),
  rule("dropout", ({ dropout, causal }) => (dropout > 0 && !causal ? "causal must be true with it." : undefined)),
);

function refusal(options: unknown, path = ""): string {
  try {
    resolveOptions(schema, options, { path });
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    const { message } = error as ConfigError;
    expect(message).not.toMatch(/\p{Cc}/u);
    return message;
  }
  throw new Error("the options were taken");
}

describe("resolveOptions", () => {
  it("fills in the defaults, in the schema's order", () => {
    const config = resolveOptions(schema, { quantizer: { type: "fsq" }, epochs: 2, dropout: undefined });
    expect(JSON.stringify(config)).toBe(
      '{"epochs":2,"dropout":0,"head":"regression","causal":true,"quantizer":{"type":"fsq","levels":[8,6,5]}}',
    );
    expect(Object.hasOwn(config, "note")).toBe(false);
    expect(resolveOptions(schema, { epochs: 1 }).quantizer).toEqual({ type: "vector", codebookSize: 512 });
  });

  it("gives its own output back unchanged, and leaves the input alone", () => {
    const options = Object.freeze({ epochs: 1, quantizer: Object.freeze({ type: "fsq", levels: Object.freeze([5]) }) });
    const config = resolveOptions(schema, options);
    expect(resolveOptions(schema, config)).toEqual(config);
    expect((config.quantizer as { levels: unknown }).levels).not.toBe(options.quantizer.levels);
  });

  it("has types that a caller can read and exactOptionalPropertyTypes takes", () => {
    type Vector = { readonly type: "vector"; readonly codebookSize: number };
    type Fsq = { readonly type: "fsq"; readonly levels: readonly number[] };
    expectTypeOf<ConfigOf<typeof vector>>().toEqualTypeOf<Vector>();
    expectTypeOf<OptionsOf<typeof vector>>().toEqualTypeOf<{
      readonly type?: "vector" | undefined;
      readonly codebookSize?: number | undefined;
    }>();
    expectTypeOf<ConfigOf<typeof schema>["quantizer"]>().toEqualTypeOf<Vector | Fsq>();
    expectTypeOf<Required<ConfigOf<typeof schema>>["note"]>().toEqualTypeOf<string>();
    const config: ConfigOf<typeof schema> = resolveOptions(schema, { epochs: 1 });
    const again: OptionsOf<typeof schema> = config;
    expect(again).toBe(config);
    // @ts-expect-error: `type` may be left out for the default variant alone.
    const nameless: OptionsOf<typeof schema> = { epochs: 1, quantizer: { levels: [5] } };
    expect(() => resolveOptions(schema, nameless)).toThrow('quantizer.levels: "vector" has no such field');
  });

  it.each<[unknown, string]>([
    [{ epochs: 1, dropuot: 0 }, 'dropuot: there is no such field; did you mean "dropout"?'],
    [{ epochs: 1, zzzzzzzzzz: 0 }, "zzzzzzzzzz: there is no such field; the known ones are epochs, dropout, head,"],
    [{ epochs: 1, quantizer: { levles: [] } }, 'quantizer.levles: "vector" has no such field; the known ones are type'],
    [
      { epochs: 1, quantizer: { type: "fsq", levles: [] } },
      'quantizer.levles: "fsq" has no such field; did you mean "levels"?',
    ],
    [
      { epochs: 1, quantizer: { type: "fqs" } },
      'quantizer.type: expected "vector" or "fsq", got "fqs" (string); did you mean "fsq"?',
    ],
    [{ epochs: 1, composition: {} }, 'composition.type: expected "whole" or "figure-ground", got undefined.'],
    [{}, "epochs: expected a whole number of at least 1, got undefined."],
    [{ epochs: "1" }, 'epochs: expected a whole number of at least 1, got "1" (string).'],
    [{ epochs: 1, dropout: 1 }, "dropout: expected a number of at least 0 and below 1, got 1 (number)."],
    [{ epochs: 1, head: "regresion" }, 'got "regresion" (string); did you mean "regression"?'],
    [{ epochs: 1, causal: "false" }, 'causal: expected true or false, got "false" (string).'],
    [{ epochs: 1, onStep: 3 }, "onStep: expected a function, got 3 (number)."],
    [
      { epochs: 1, quantizer: { type: "fsq", levels: [] } },
      "quantizer.levels: expected a list of at least 1 values, got [] (array).",
    ],
    [
      { epochs: 1, quantizer: { type: "fsq", levels: [8, 1.5] } },
      "quantizer.levels[1]: expected a whole number of at least 2, got 1.5 (number).",
    ],
    [
      { epochs: 1, quantizer: { type: "fsq", levels: [5, 5, 5, 5] } },
      "quantizer.levels: expected at most 3 values here.",
    ],
    [{ epochs: 1, dropout: 0.5, causal: false }, "dropout: causal must be true with it."],
    [{ epochs: 1, "a\n.b": 0 }, '"a\\n.b": there is no such field'],
    [[], "options: expected an object of options, got [] (array)."],
  ])("refuses %o", (options, message) => {
    expect(refusal(options)).toContain(message);
  });

  it.each(["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"])("refuses %s by its name", (name) => {
    expect(refusal(JSON.parse(`{"epochs": 1, "${name}": 1}`))).toContain(`${name}: there is no such field`);
    expect(refusal(JSON.parse(`{"epochs": 1, "quantizer": {"type": "${name}"}}`))).toContain(`got "${name}" (string)`);
  });

  it("begins with the path, and names every issue up to the third", () => {
    const message = refusal({ epochs: 0, dropout: -1, causal: 1, head: 2 }, "train");
    expect(message).toMatch(/^train\.epochs: .* train\.dropout: .* train\.head: .* And 1 more\.$/);
    expect(refusal(3, "train")).toBe("train: expected an object of options, got 3 (number).");
  });

  it("answers any value of any type with a ConfigError", () => {
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    const values = [
      undefined,
      null,
      Number.NaN,
      -0,
      1n,
      Symbol("s"),
      () => 0,
      "",
      new Date(Number.NaN),
      /x/,
      revoked.proxy,
    ];
    for (const odd of [...values, Object.create(null), new Float32Array(9), new Map(), Number.POSITIVE_INFINITY]) {
      refusal({ epochs: odd });
      refusal({ epochs: 1, head: odd ?? 1 });
      refusal({ epochs: 1, quantizer: odd ?? 1, dropout: -1 });
      if (typeof odd !== "object") {
        refusal(odd);
      }
    }
    refusal(revoked.proxy);
    refusal({
      get epochs(): number {
        throw new Error("no");
      },
    });
  });

  it("takes valibot's own transformations", () => {
    const doubled = pipe(
      fields({ width: wholeNumber() }),
      transform(({ width }) => ({ width, feedForwardWidth: 4 * width })),
    );
    expect(resolveOptions(doubled, { width: 2 })).toEqual({ width: 2, feedForwardWidth: 8 });
  });
});
