import { type QueryClient, useQuery } from "@tanstack/vue-query";
import { computed, type ComputedRef } from "vue";

import type { Installation } from "@/api/core";
import { getInstallationOptions } from "@/api/core/@tanstack/vue-query.gen";

// No event says that an administrator has changed it.
const ASK_MILLISECONDS = 60_000;
const asked = { ...getInstallationOptions(), staleTime: ASK_MILLISECONDS };

/** What everybody may know of the installation, as new as a minute ago while the page is seen; null before it is known. */
export function useInstallation(): { installation: ComputedRef<Installation | null>; refetch: () => void } {
  const { data, refetch } = useQuery({ ...asked, refetchInterval: ASK_MILLISECONDS });
  return { installation: computed(() => data.value ?? null), refetch: () => void refetch() };
}

/** Ask already while nobody knows who is signed in, so that the page does not move when the answer comes. */
export function askInstallation(client: QueryClient): void {
  void client.prefetchQuery(asked);
}
