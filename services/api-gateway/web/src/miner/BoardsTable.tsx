import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Board } from "../api/types";
import { shareOfExpected } from "../fleet/miner";
import { Meter } from "../ui/Meter";
import { QuantityText } from "../ui/Quantity";
import { Scroller } from "../ui/Scroller";
import { INK, toneOfChip, toneOfShare, type Tone } from "../ui/tone";
import { useFormat } from "../ui/useFormat";
import { joined } from "../units/format";

interface BoardsTableProps {
  boards: readonly Board[];
  algorithm: string;
}

const KNOWN = ["mining", "tuning", "initializing", "starting", "stopped", "failure"] as const;
const TONES: Readonly<Record<string, Tone>> = { mining: "ok", tuning: "info", failure: "bad" };

const HEADS = ["slot", "status", "hashrate", "chips", "temps", "pcb", "frequency", "voltage", "power", "errors"] as const;
const WORDS: ReadonlySet<string> = new Set(["slot", "status"]);

function BoardStatus({ status }: { status: string | null | undefined }) {
  const { t } = useTranslation();
  if (status == null) return <span className="text-ink-3">–</span>;
  if (status === "disconnected") {
    return <span className="font-medium text-bad">{t("miner.board.disconnected")}</span>;
  }
  const known = KNOWN.find((each) => each === status);
  const tone = TONES[status] ?? "idle";
  return (
    <span className={tone === "ok" ? "text-ink-2" : `font-medium ${INK[tone]}`}>
      {known === undefined ? status : t(`status.${known}`)}
    </span>
  );
}

function BoardHashrate({ board, algorithm }: { board: Board; algorithm: string }) {
  const format = useFormat();
  const share = shareOfExpected(board);
  if (board.hashrate_hs == null) return <span className="text-ink-3">–</span>;
  return (
    <span className="ml-auto block w-28">
      <span className="flex items-baseline justify-between gap-2">
        <span className="text-2xs text-ink-3">{share === null ? "" : format.share(share)}</span>
        <QuantityText of={format.hashrate(board.hashrate_hs, algorithm)} />
      </span>
      {share === null ? null : <Meter share={share} tone={toneOfShare(share)} />}
    </span>
  );
}

function BoardChips({ board }: { board: Board }) {
  const { chips_ok: ok, chips_total: total } = board;
  if (ok == null && total == null) return <span className="text-ink-3">–</span>;
  return (
    <span className={ok != null && total != null && ok < total ? "font-medium text-warn" : ""}>
      {ok ?? "–"}
      <span className="text-ink-3">{`/${total ?? "–"}`}</span>
    </span>
  );
}

function BoardTemps({ board }: { board: Board }) {
  const format = useFormat();
  const { chip_temp_min_c: least, chip_temp_max_c: most } = board;
  if (most == null) return <span className="text-ink-3">–</span>;
  const tone = toneOfChip(most);
  return (
    <span className={tone === "ok" ? "" : `font-medium ${INK[tone]}`}>
      {least == null ? "" : `${format.celsius(least).text}–`}
      <QuantityText of={format.celsius(most)} />
    </span>
  );
}

/** A miner's hashboards in its newest reading. */
export function BoardsTable({ boards, algorithm }: BoardsTableProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const number = (value: number | null | undefined, unit: string, digits?: number): ReactNode => (
    <QuantityText of={value == null ? null : { text: format.number(value, digits), unit }} />
  );
  if (boards.length === 0) return <p className="p-4 text-ink-2">{t("miner.boardsNone")}</p>;
  return (
    <Scroller label={t("miner.boards")}>
      <table className="w-full min-w-[46rem] text-right">
        <thead>
          <tr className="border-b border-line text-xs text-ink-3">
            {HEADS.map((head) => (
              <th
                key={head}
                scope="col"
                className={`px-2.5 py-2 font-medium whitespace-nowrap first:pl-4 last:pr-4 ${WORDS.has(head) ? "text-left" : ""}`}
              >
                {t(`miner.board.${head}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="[&_td]:px-2.5 [&_td]:py-2 [&_td]:whitespace-nowrap [&_td:last-child]:pr-4">
          {boards.map((board) => (
            <tr key={board.slot} className="border-b border-line/70 last:border-b-0">
              <th scope="row" className="px-3 pl-4 text-left font-medium">
                {board.slot}
              </th>
              <td className="text-left">
                <BoardStatus status={board.status} />
              </td>
              <td>
                <BoardHashrate board={board} algorithm={algorithm} />
              </td>
              <td>
                <BoardChips board={board} />
              </td>
              <td title={board.chip_temp_max_c == null ? undefined : joined(format.celsius(board.chip_temp_max_c))}>
                <BoardTemps board={board} />
              </td>
              <td>{number(board.pcb_temp_c, "°C", 0)}</td>
              <td>{number(board.frequency_mhz, "MHz", 0)}</td>
              <td>{number(board.voltage_v, "V", 2)}</td>
              <td>{number(board.power_w, "W", 0)}</td>
              <td>{number(board.hw_errors_total, "", 0)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  );
}
