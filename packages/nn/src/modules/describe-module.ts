const maxFields = 4;

/** `VqVae(121,347 parameters, imageSide 28, head "regression")`: a module's class, state, and first fields. */
export function describeModule(name: string, state: string, config: unknown): string {
  const fields = typeof config === "object" && config !== null ? Object.entries(config) : [];
  const shown = fields.flatMap(([field, value]) => {
    const short = typeof value === "object" && value !== null && "type" in value ? value.type : value;
    if (typeof short === "string") {
      return [`${field} ${JSON.stringify(short)}`];
    }
    return typeof short === "number" || typeof short === "boolean" ? [`${field} ${short}`] : [];
  });
  return `${name}(${[state, ...shown.slice(0, maxFields), ...(shown.length > maxFields ? ["…"] : [])].join(", ")})`;
}
