/* SPDX-License-Identifier: Apache-2.0
 * public.h - is an address one of the internet's, or of this machine, a private network, or of no host at all?
 *
 * For connections whose target a stranger chose: what is not public is not connected to (SSRF). Source: IANA's special-purpose address
 * registries (RFC 6890 and those after it). For net/. */
#ifndef TG_NET_PUBLIC_H
#define TG_NET_PUBLIC_H

#include "net/resolve.h"

bool address_is_public(const union address *at);

#endif
