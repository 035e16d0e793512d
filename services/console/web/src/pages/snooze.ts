export type SnoozeChoice = '15m' | '1h' | 'tomorrow'

const MORNING_HOUR = 9

// Tomorrow means nine in the morning where the person is: early enough to act, late enough to be at work.
export function snoozeUntil(choice: SnoozeChoice, now: Date): Date {
  if (choice === '15m') return new Date(now.getTime() + 15 * 60_000)
  if (choice === '1h') return new Date(now.getTime() + 60 * 60_000)
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, MORNING_HOUR)
}
