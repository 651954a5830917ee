import { useFormat } from "../ui/useFormat";

interface DollarsProps {
  usd: number | null | undefined;
  /** a loss is to be seen */
  signed?: boolean;
}

/** An amount; what is not known is a dash. */
export function Dollars({ usd, signed = false }: DollarsProps) {
  const format = useFormat();
  if (usd == null) return <span className="text-ink-3">–</span>;
  const { text } = format.usd(usd);
  // the sign says it too
  return signed && usd < 0 ? <span className="font-medium text-bad">{text}</span> : text;
}
