/** What of the check is run; see main.mjs. */
export interface Choice {
  readonly quick: boolean;
  /** Ids of environments; all where absent. */
  readonly only?: readonly string[];
  /** Names of packages; all where absent. */
  readonly packages?: readonly string[];
  readonly keep: boolean;
}

/** The choice that main.mjs made of its options. */
export const choice: Choice = JSON.parse(process.env.MMGEN_RELEASE ?? '{ "quick": false, "keep": false }');

/** Whether an environment was chosen. */
export const isChosen = (id: string): boolean => choice.only?.includes(id) ?? true;
