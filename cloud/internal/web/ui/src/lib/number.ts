// Numbers for people: as many decimals as the unit deserves, and never a 0 where there is no value.

const decimals: Record<string, number> = { 'W': 0, 'V': 1, 'A': 2, 'kWh': 2, 'Hz': 2, '°C': 1, '%LEL': 0, '1/s': 1, 'kbit/s': 0, 'MiB': 0, '%': 0 }

/** The number without unit: "512", "3.6", "1,204.37"; undefined when there is none. */
export function number(value: number | null | undefined, unit = ''): string | undefined {
  if (value === null || value === undefined || !Number.isFinite(value)) return undefined
  const size = Math.abs(value)
  let digits = decimals[unit] ?? (size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2)
  if (digits === 0 && !Number.isInteger(value) && size < 10) digits = 1
  const fixed = value.toFixed(digits)
  return Number(fixed) === 0 ? fixed.replace('-', '') : fixed
}
