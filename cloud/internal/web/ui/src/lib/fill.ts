/** Replaces {name} in a template; a name without a value stays visible, so that a slip is seen. */
export function fill(template: string, args: Record<string, string | number> = {}): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => (name in args ? String(args[name]) : whole))
}
