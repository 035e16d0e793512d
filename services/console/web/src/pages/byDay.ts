// Items come newest first; each run of the same local day becomes one section.
export function byDay<T extends { time: string }>(items: readonly T[]): [day: string, items: T[]][] {
  const days: [string, T[]][] = []
  for (const item of items) {
    const at = new Date(item.time)
    const day = `${at.getFullYear()}-${at.getMonth() + 1}-${at.getDate()}`
    const last = days[days.length - 1]
    if (last && last[0] === day) last[1].push(item)
    else days.push([day, [item]])
  }
  return days
}
