/* SPDX-License-Identifier: Apache-2.0
 * route_view.h - a call as a route sees it: its fields for conditions, and how things stand with each target. Inside flow/ only. */
#ifndef TG_FLOW_ROUTE_VIEW_H
#define TG_FLOW_ROUTE_VIEW_H

#include "flow/exchange.h"

/* Valid until the call's next step. */
struct route_view route_view_of(struct exchange *x);

#endif
