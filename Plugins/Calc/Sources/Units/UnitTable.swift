/// The units by name: `symbols ; words | prefixes | size`, a line each, in terms of units above it.
///
/// A size that starts with `#` defines a base. Sources: the SI brochure (9th edition), NIST Special Publication 811, IEC 80000-13.
enum UnitTable {
    static let text = """
        m ; metre metres meter meters | si | #length
        g ; gram grams gramme grammes | si | #mass 0.001
        s sec ; second seconds secs | si | #time
        A ; ampere amperes amp amps | si | #current
        K ; kelvin kelvins | si | #temperature
        mol ; mole moles | si | #amount
        cd ; candela candelas | si | #luminosity
        bit ; bits | iec | #information
        turn ; turns revolution revolutions rev | - | #angle
        min ; minute minutes mins | - | 60 s
        h hr ; hour hours hrs | - | 3600 s
        d ; day days | - | 86400 s
        wk ; week weeks | - | 7 d
        fortnight ; fortnights | - | 14 d
        a yr ; year years julian_year | - | 365.25 d
        month ; months | - | 365.25 d / 12
        decade ; decades | - | 3652.5 d
        century ; centuries | - | 36525 d
        Hz ; hertz | si | 1/s
        N ; newton newtons | si | kg m/s^2
        Pa ; pascal pascals | si | N/m^2
        J ; joule joules | si | N m
        W ; watt watts | si | J/s
        C ; coulomb coulombs | si | A s
        V ; volt volts | si | W/A
        F ; farad farads | si | C/V
        Ω ohm ; ohms | si | V/A
        S ; siemens | si | A/V
        Wb ; weber webers | si | V s
        T ; tesla teslas | si | Wb/m^2
        H ; henry henries | si | Wb/A
        lm ; lumen lumens | si | cd
        lx ; lux | si | lm/m^2
        Bq ; becquerel becquerels | si | 1/s
        Gy ; gray grays | si | J/kg
        Sv ; sievert sieverts | si | J/kg
        kat ; katal katals | si | mol/s
        L l ; litre litres liter liters | si | 0.001 m^3
        t ; tonne tonnes | si | 1000 kg
        ha ; hectare hectares | - | 10000 m^2
        are ; ares | - | 100 m^2
        bar ; bars | si | 100000 Pa
        atm ; atmosphere atmospheres | - | 101325 Pa
        Torr torr ; | - | 101325 Pa/760
        mmHg ; | - | 133.322387415 Pa
        eV ; electronvolt electronvolts | si | 1.602176634e-19 J
        Da u ; dalton daltons | - | 1.66053906892e-27 kg
        cal ; calorie calories | si | 4.184 J
        Cal ; | - | 4184 J
        BTU Btu ; btu | - | 1055.05585262 J
        Wh ; watthour watthours | si | 3600 J
        Ah ; | si | 3600 C
        hp ; horsepower | - | 745.69987158227022 W
        PS ; | - | 735.49875 W
        Å ; angstrom angstroms | - | 1e-10 m
        micron ; microns | - | 1e-6 m
        au AU ; astronomical_unit | - | 149597870700 m
        ly ; lightyear lightyears light_year light_years | - | 9460730472580800 m
        in ; inch inches | - | 0.0254 m
        ft ; foot feet | - | 12 inch
        yd ; yard yards | - | 3 ft
        mi ; mile miles | - | 1760 yd
        mil thou ; mils | - | 0.001 inch
        chain ; chains | - | 22 yd
        furlong ; furlongs | - | 220 yd
        fathom ; fathoms | - | 2 yd
        nmi NM ; nautical_mile nautical_miles | - | 1852 m
        pt ; | - | inch/72
        acre ; acres | - | 4840 yd^2
        sqft ; | - | ft^2
        sqm ; | - | m^2
        cc ; | - | 1e-6 m^3
        gal ; gallon gallons us_gallon us_gallons | - | 231 inch^3
        qt ; quart quarts | - | gal/4
        pint ; pints | - | gal/8
        cup ; cups | - | gal/16
        floz fl_oz ; fluid_ounce fluid_ounces | - | gal/128
        tbsp ; tablespoon tablespoons | - | gal/256
        tsp ; teaspoon teaspoons | - | gal/768
        bbl ; barrel barrels | - | 42 gal
        imp_gal ; imperial_gallon imperial_gallons uk_gallon uk_gallons | - | 4.54609 L
        imp_pint ; imperial_pint imperial_pints uk_pint uk_pints | - | imp_gal/8
        imp_floz ; imperial_fluid_ounce imperial_fluid_ounces | - | imp_gal/160
        lb lbs ; pound pounds | - | 0.45359237 kg
        oz ; ounce ounces | - | lb/16
        gr ; grain grains | - | lb/7000
        st ; stone stones | - | 14 lb
        cwt ; hundredweight | - | 100 lb
        ton ; tons short_ton short_tons | - | 2000 lb
        long_ton ; long_tons | - | 2240 lb
        ct ; carat carats | - | 0.2 g
        ozt ; troy_ounce troy_ounces | - | 31.1034768 g
        slug ; slugs | - | 4.4482216152605 kg/0.3048
        gn ; standard_gravity | - | 9.80665 m/s^2
        lbf ; | - | 4.4482216152605 N
        kgf ; | - | 9.80665 N
        dyn ; dyne dynes | - | 1e-5 N
        erg ; ergs | - | 1e-7 J
        psi ; | - | lbf/inch^2
        inHg ; | - | 3386.389 Pa
        kph kmh ; | - | km/h
        mph ; | - | mi/h
        kn knot ; knots | - | nmi/h
        fps ; | - | ft/s
        c ; speed_of_light | - | 299792458 m/s
        rpm ; | - | turn/min
        deg ° ; degree degrees | - | turn/360
        arcmin ; arcminute arcminutes | - | deg/60
        arcsec ; arcsecond arcseconds | si | deg/3600
        grad gon ; grads gradian gradians | - | turn/400
        rad ; radian radians | si | turn/(2 pi)
        B ; byte bytes | iec | 8 bit
        nibble ; nibbles | - | 4 bit
        bps ; | si | bit/s
        Bps ; | si | B/s
        R degR °R ; rankine | - | 5 K/9
        delta_degC Δ°C ; | - | K
        delta_degF ; | - | 5 K/9
        percent ; | - | 1/100
        ppm ; | - | 1/1000000
        ppb ; | - | 1/1000000000
        dozen ; dozens | - | 12
        """

    /// Temperature scales: names, size of a degree in kelvins and the kelvins at zero.
    static let scales: [(names: [String], degree: Rational, zero: Rational)] = [
        (["degC", "°C", "celsius", "Celsius", "centigrade"], .one, Rational(BigInteger(27315), Natural(100))),
        (["degF", "°F", "fahrenheit", "Fahrenheit"], Rational(BigInteger(5), Natural(9)), Rational(BigInteger(45967 * 5), Natural(900))),
    ]

    static let metricPrefixes: [(symbol: String, word: String, exponent: Int)] = [
        ("Q", "quetta", 30), ("R", "ronna", 27), ("Y", "yotta", 24), ("Z", "zetta", 21), ("E", "exa", 18), ("P", "peta", 15),
        ("T", "tera", 12), ("G", "giga", 9), ("M", "mega", 6), ("k", "kilo", 3), ("h", "hecto", 2), ("da", "deca", 1),
        ("d", "deci", -1), ("c", "centi", -2), ("m", "milli", -3), ("µ", "micro", -6), ("μ", "micro", -6), ("u", "micro", -6),
        ("n", "nano", -9), ("p", "pico", -12), ("f", "femto", -15), ("a", "atto", -18), ("z", "zepto", -21), ("y", "yocto", -24),
        ("r", "ronto", -27), ("q", "quecto", -30),
    ]

    static let binaryPrefixes: [(symbol: String, word: String, power: Int)] = [
        ("Ki", "kibi", 10), ("Mi", "mebi", 20), ("Gi", "gibi", 30), ("Ti", "tebi", 40), ("Pi", "pebi", 50), ("Ei", "exbi", 60),
        ("Zi", "zebi", 70), ("Yi", "yobi", 80),
    ]
}
