/** What the signed-in user is in a campaign; the server decides, this only spares them buttons that would refuse. */

import { useSuspenseQuery } from "@tanstack/react-query";
import { meQuery } from "../api/queries";

export function useIsManager(slug: string): boolean {
  const { data: me } = useSuspenseQuery(meQuery);
  return me.memberships.some((membership) => membership.campaign === slug && membership.role === "MANAGER");
}
