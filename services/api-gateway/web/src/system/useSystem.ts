import { useQuery, useQueryClient } from "@tanstack/react-query";

import { getSystem } from "../api/gateway";
import type { SystemAnswer } from "../api/types";

const EACH_MS = 5_000;
const KEY = ["system"];

export interface SystemLook {
  answer: SystemAnswer;
  /** the one before, for rates */
  before: SystemAnswer | null;
}

/** What the services say of themselves, now and the last time. */
export function useSystem() {
  const client = useQueryClient();
  return useQuery({
    queryKey: KEY,
    queryFn: async ({ signal }): Promise<SystemLook> => {
      const answer = await getSystem(signal);
      const last = client.getQueryData<SystemLook>(KEY);
      // the gateway keeps an answer for a moment: the same one tells no rate
      const same = last?.answer.at === answer.at;
      return { answer, before: same ? last.before : (last?.answer ?? null) };
    },
    refetchInterval: EACH_MS,
    structuralSharing: false,
  });
}
