import { useTranslation } from "react-i18next";
import { Meter } from "./Meter";
import { toneOfShare } from "./tone";
import { useFormat } from "./useFormat";

interface OfExpectedProps {
  /** null: nobody said what to expect */
  share: number | null;
  /** of several miners, of which not all told theirs: how many did */
  of?: string | undefined;
  /** the same in words */
  title?: string;
}

/** The share of the expected hashrate, in words and as a bar. */
export function OfExpected({ share, of, title }: OfExpectedProps) {
  const { t } = useTranslation();
  const format = useFormat();
  if (share === null) return t("figure.expectedUnknown");
  return (
    <>
      <span className="flex flex-wrap justify-between gap-x-1.5" title={title}>
        <span>{t("figure.ofExpected", { share: format.share(share) })}</span>
        {of === undefined ? null : <span className="text-ink-3">{of}</span>}
      </span>
      <span className="block pt-1">
        <Meter share={share} tone={toneOfShare(share)} />
      </span>
    </>
  );
}
