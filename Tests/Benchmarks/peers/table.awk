# Rows `workload connections server per_second p99_us errors` into a Markdown table of medians with ratios and aims (issue 4).
function median(list, n,   i, j, t, a) {
    split(list, a, " ")
    for (i = 2; i <= n; i++) for (j = i; j > 1 && a[j] + 0 < a[j - 1] + 0; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
    return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
}
function rate(key) { return key in n ? median(rates[key], n[key]) : 0 }
function p99(key) { return key in n ? median(lates[key], n[key]) : 0 }
function number(value) { return value == 0 ? "-" : value >= 100 ? sprintf("%d", value) : sprintf("%.1f", value) }
function ratio(ours, theirs, aim) {
    if (theirs == 0) return "-"
    return sprintf("%.2f%s", ours / theirs, aim == 0 ? "" : ours / theirs >= aim ? sprintf(" (aim %s, met)", aim) : sprintf(" (aim %s, NOT met)", aim))
}
function late(ours, theirs, size) {
    if (theirs == 0 || size != 64) return number(ours)
    return number(ours) (ours <= theirs ? " (met)" : " (NOT met)")
}
{
    key = $1 " " $2
    if (!(key in seen)) { seen[key] = 1; order[++rows] = key }
    key = key " " $3
    rates[key] = rates[key] " " $4; lates[key] = lates[key] " " $5; n[key]++
    errors += $6
    if ($6 > 0) bad = bad " " key ":" $6
}
END {
    print "| what | connections | Limen | Hummingbird | nginx | of Hummingbird | of nginx | p99 us Limen | p99 us Hummingbird | p99 us nginx |"
    print "|---|---|---|---|---|---|---|---|---|---|"
    for (i = 1; i <= rows; i++) {
        key = order[i]; split(key, part, " ")
        ours = rate(key " limen"); hb = rate(key " hummingbird"); ng = rate(key " nginx")
        fast = part[1] == "plaintext" || part[1] == "json"
        printf "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", part[1], part[2], number(ours), number(hb), number(ng),
            ratio(ours, hb, fast ? 2 : 1.3), ratio(ours, ng, part[1] == "plaintext" || part[1] == "file" ? 0.8 : 0),
            late(p99(key " limen"), p99(key " hummingbird"), part[2]), number(p99(key " hummingbird")), number(p99(key " nginx"))
    }
    if (errors > 0) print "errors:" bad
}
