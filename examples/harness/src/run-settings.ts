import { ConfigError } from "@mmgen/core";
import { type ConfigOf, type FieldsOutput, fields, oneOf, resolveOptions, wholeNumber } from "@mmgen/core/options";
import type { GenericSchema } from "valibot";
import { readConfigFile } from "./json-files.js";
import type { RunFlags } from "./run-context.js";
import { fromCaller, type RunFolder } from "./run-folder.js";

type Entries = Readonly<Record<string, GenericSchema>>;

/** What an example states of its runs. */
interface RunsOptions<Schema extends GenericSchema, Preset extends string, Data extends string, Own extends Entries> {
  /** Of a configuration: every choice of a run that shapes its result. */
  readonly configSchema: Schema;
  /** Configurations by name; `quick` is the default. */
  readonly presets: Readonly<Record<Preset | "quick", ConfigOf<Schema>>>;
  /** What `--data` takes; the first is the default. */
  readonly data: readonly [Data, ...Data[]];
  /** A preset as a choice of data needs it. Default: as it is. */
  readonly forData?: (preset: ConfigOf<Schema>, choice: Choice<Data, Preset>) => ConfigOf<Schema>;
  /** Another base for the fields of a `--config` file, by what they make of the first. Default: the first. */
  readonly forFile?: (config: ConfigOf<Schema>, choice: Choice<Data, Preset>) => ConfigOf<Schema>;
  /** Settings that this example alone has: their fields, and what the options, as typed, make of them. Default: none. */
  readonly own?: {
    readonly fields: Own;
    readonly resolve: (flags: RunFlags<Preset, Data> & FieldsOutput<Own>) => FieldsOutput<Own>;
  };
  /** Settings that an earlier version wrote, as this one does. Default: as they are. */
  readonly fromOlderVersion?: (json: unknown) => unknown;
}

type Choice<Data, Preset> = { readonly data: Data; readonly preset: Preset };

/** The runs of an example: what `--preset` and `--data` take, and what the options make of a run. */
interface Runs<Settings, Flags> {
  readonly presets: readonly string[];
  readonly data: readonly string[];
  /**
   * The settings of a new run, or with `--resume` of the interrupted one in the folder.
   *
   * @throws a `ConfigError` for options that are wrong or do not fit together; a `CheckpointError` when there is no run to
   *   resume, or its file is damaged.
   */
  readonly resolveSettings: (flags: Flags, folder: RunFolder) => Promise<Settings>;
  /** The settings that a run left beside its checkpoints; throws a `CheckpointError` when there are none. */
  readonly readSettings: (folder: RunFolder) => Promise<Settings>;
}

/** What a run was asked to do; kept beside its checkpoints so that a resume does the same. */
export type SettingsOf<Kind> = Kind extends Runs<infer Settings, never> ? Settings : never;
/** The options of a run, as typed. */
export type FlagsOf<Kind> = Kind extends Runs<unknown, infer Flags> ? Flags : never;

/** Makes an example's runs of its presets, their schema and its choices of data. */
export function defineRuns<
  Schema extends GenericSchema,
  const Preset extends string,
  const Data extends string,
  const Own extends Entries = Readonly<Record<never, never>>,
>(options: RunsOptions<Schema, Preset, Data, Own>) {
  type Flags = RunFlags<Preset, Data> & FieldsOutput<Own>;
  type Settings = { readonly preset: Preset; readonly config: ConfigOf<Schema>; readonly data: Data } & {
    readonly seed: number;
  } & FieldsOutput<Own>;
  const { configSchema, own, presets } = options;
  const names = Object.keys(presets) as Preset[];
  const settingsSchema = fields({
    ...{ preset: oneOf(names), config: configSchema, data: oneOf(options.data) },
    ...{ ...own?.fields, seed: wholeNumber({ min: 0 }) },
  });
  const readSettings = (folder: RunFolder) =>
    folder.readSettings(
      (json) => resolveOptions(settingsSchema, options.fromOlderVersion?.(json) ?? json) as unknown as Settings,
    );
  const resolveSettings = async (flags: Flags, folder: RunFolder): Promise<Settings> => {
    const { preset = "quick" as Preset, data = options.data[0], seed = 1 } = flags as RunFlags<Preset, Data>;
    if (flags.resume) {
      for (const name of ["preset", "config", "data", ...Object.keys(own?.fields ?? {}), "seed"]) {
        if ((flags as Record<string, unknown>)[name] !== undefined) {
          throw new ConfigError(`--${name} cannot be given with --resume, which takes the interrupted run's settings.`);
        }
      }
      return readSettings(folder);
    }
    const ownSettings = own?.resolve(flags);
    const base = options.forData?.(presets[preset], { data, preset }) ?? presets[preset];
    const over = async (fields: ConfigOf<Schema>) =>
      flags.config === undefined ? fields : readConfigFile(fromCaller(flags.config), fields, configSchema);
    const first = await over(base);
    const { forFile } = options;
    const config = flags.config === undefined || !forFile ? first : await over(forFile(first, { data, preset }));
    return { preset, config, data, ...ownSettings, seed } as unknown as Settings;
  };
  return { presets: names, data: options.data, readSettings, resolveSettings } satisfies Runs<Settings, Flags>;
}
