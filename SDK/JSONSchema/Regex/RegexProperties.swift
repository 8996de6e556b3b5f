/// Translates ECMA-262's Unicode property names to those that PCRE2 10.40 and later know.
enum RegexProperties {
    /// The property as PCRE2 writes it between `\p{` and `}`, or nil when ECMA-262 has none of that name.
    static func pcre(_ name: String) -> String? {
        let parts = name.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return categories[name] ?? (binary.contains(name) ? name : nil) }
        let value = String(parts[1])
        guard !value.isEmpty, value.utf8.allSatisfy({ $0 == UInt8(ascii: "_") || ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) }) else { return nil }
        switch parts[0] {
        case "General_Category", "gc": return categories[value]
        case "Script", "sc": return "sc:" + value
        case "Script_Extensions", "scx": return "scx:" + value
        default: return nil
        }
    }

    private static let categories: [String: String] = {
        let names = [
            "L": "Letter", "Lu": "Uppercase_Letter", "Ll": "Lowercase_Letter", "Lt": "Titlecase_Letter", "L&": "Cased_Letter",
            "Lm": "Modifier_Letter", "Lo": "Other_Letter", "M": "Mark Combining_Mark", "Mn": "Nonspacing_Mark", "Mc": "Spacing_Mark",
            "Me": "Enclosing_Mark", "N": "Number", "Nd": "Decimal_Number digit", "Nl": "Letter_Number", "No": "Other_Number",
            "P": "Punctuation punct", "Pc": "Connector_Punctuation", "Pd": "Dash_Punctuation", "Ps": "Open_Punctuation",
            "Pe": "Close_Punctuation", "Pi": "Initial_Punctuation", "Pf": "Final_Punctuation", "Po": "Other_Punctuation", "S": "Symbol",
            "Sm": "Math_Symbol", "Sc": "Currency_Symbol", "Sk": "Modifier_Symbol", "So": "Other_Symbol", "Z": "Separator",
            "Zs": "Space_Separator", "Zl": "Line_Separator", "Zp": "Paragraph_Separator", "C": "Other", "Cc": "Control cntrl", "Cf": "Format",
            "Cs": "Surrogate", "Co": "Private_Use", "Cn": "Unassigned",
        ]
        var table = ["LC": "L&"]
        for (short, long) in names {
            if short != "L&" { table[short] = short }
            for name in long.split(separator: " ") { table[String(name)] = short }
        }
        return table
    }()

    private static let binary: Set<String> = [
        "ASCII", "ASCII_Hex_Digit", "AHex", "Alphabetic", "Alpha", "Any", "Bidi_Control", "Bidi_C", "Bidi_Mirrored", "Bidi_M",
        "Case_Ignorable", "CI", "Cased", "Changes_When_Casefolded", "CWCF", "Changes_When_Casemapped", "CWCM", "Changes_When_Lowercased",
        "CWL", "Changes_When_Titlecased", "CWT", "Changes_When_Uppercased", "CWU", "Dash", "Default_Ignorable_Code_Point", "DI",
        "Deprecated", "Dep", "Diacritic", "Dia", "Emoji", "Emoji_Component", "EComp", "Emoji_Modifier", "EMod", "Emoji_Modifier_Base",
        "EBase", "Emoji_Presentation", "EPres", "Extended_Pictographic", "ExtPict", "Extender", "Ext", "Grapheme_Base", "Gr_Base",
        "Grapheme_Extend", "Gr_Ext", "Hex_Digit", "Hex", "IDS_Binary_Operator", "IDSB", "IDS_Trinary_Operator", "IDST", "ID_Continue",
        "IDC", "ID_Start", "IDS", "Ideographic", "Ideo", "Join_Control", "Join_C", "Logical_Order_Exception", "LOE", "Lowercase", "Lower",
        "Math", "Noncharacter_Code_Point", "NChar", "Pattern_Syntax", "Pat_Syn", "Pattern_White_Space", "Pat_WS", "Quotation_Mark",
        "QMark", "Radical", "Regional_Indicator", "RI", "Sentence_Terminal", "STerm", "Soft_Dotted", "SD", "Terminal_Punctuation", "Term",
        "Unified_Ideograph", "UIdeo", "Uppercase", "Upper", "Variation_Selector", "VS", "White_Space", "space", "XID_Continue", "XIDC",
        "XID_Start", "XIDS",
    ]
}
