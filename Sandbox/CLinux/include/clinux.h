/* The few kernel interfaces that Swift's Glibc module lacks, as thin inline functions. One header a concern. */
#ifndef CLINUX_H
#define CLINUX_H

#include "clinux_files.h"
#include "clinux_io.h"
#include "clinux_jail.h"
#include "clinux_net.h"

#endif
