export function Mark({ size }: { size: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" className="mark">
      <rect width="32" height="32" rx="8" className="mark-bg" />
      <path d="M7 9.5h9.2a3 3 0 0 1 2.2 1l5.2 5.5-5.2 5.5a3 3 0 0 1-2.2 1H7z" className="mark-line" />
      <circle cx="12" cy="16" r="2.2" className="mark-dot" />
    </svg>
  )
}
