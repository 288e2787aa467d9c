//! Tables of FIX 4.4 (specification with errata of 2003-06-18): which tags exist and what their values look like, which fields a
//! message has, which of them it must have, which repeat. Only the messages that this acceptor reads are listed field by field.

use super::tables::{Group, MessageFields};

/// Data type of each tag from 0 to 956, one letter each:
/// `-` no such tag, `S` text, `C` one character, `B` Y or N, `I` integer, `L` length, `Q` sequence number, `N` count of a group,
/// `F` decimal, `T` UTC timestamp, `O` UTC time, `D` date, `M` month, `V` values between spaces, `X` data.
pub(super) const DATA_TYPES: &[u8; 957] = b"\
    -SSSCSFQSLSSFCFSQSVS-CSS-CSSCCSFFNQSQSFCCSTBFQ--SSS-TFCSSSSCTCTCDSSIISSCSNID-CNSFCIIFN-IIXLX-LCLXBIF\
    S-IIC-SSI-FFSBBSSSFFSBTBN-TCSSBSFFFFNFSSFBSSSSNSSSCFFFFFCIFFCSSCSC-STISSI---------------FFFFFDFFSISN\
    MIFI--CSBIFFLXSNISF-SSSFDDIFFDDFNSSSFFFSDDDSIFFDDDSIFFDSSSBDF-SCIIBNNCFFDOCSVVSCSCSSSCVISSIVVFFNNIIS\
    IISIISSSSSSSSM-IFCS-SISISBICBBFFFFISSSIIITTTTTISLXLXLXLXLXLXLXLXLXFTIQ-ISICSSBISIFNLNCNFCFSSSIIIFFNI\
    SIFFFFFFFIFBFFIIIICCNSIIFFFINIIIDCCFFFT--ICTSLXCS--FINNSSNSSISISB-SSCFSSSNSSSISSCCSTCFDISSDSISSISCSS\
    SSSDDSCISSNSFSCTFCNIFSISSCSSCVCCSINSSIINFDDSCSVBSIISNSSNSINIIFFICIFISIBSSCSBNISSNIISSITCDCCCSSSSSSSS\
    SSSSNSSISSMDFCFFSSLXSLXFCSINSTQFFFFSBFIFFFFFSFFFFSBFF-SSFFISIIFISIIMIFNSSFSSSSSFIFSNF-IFSSISISICDFIS\
    BDNSFFISFISNISSDSSIBBSIIIISIIIFIFIFNSFFDSFFDCFFCIIIIINBSNSCISSSSSFFSNTISSIIIISNTINSCISICIQSSISISIBIF\
    FNNININII-FFIIIINSSISSSSSSIIIIS-ISFIIIIFIIIIIFIISFFIBIIIIIFSFFNFNIDFSFNISDDISSSFSSFFFFFNSSFIIBSIINFF\
    FFSISIISSSIIBSSDDDSIFFFSISISISSSSSSININIISSSIIISNSCINSIMD";

/// Values that a field may have, between spaces; ascending by tag.
pub(super) const ENUMERATIONS: &[(u16, &str)] = &[
    (13, "1 2 3 4 5 6"),
    (18, "1 2 3 4 5 6 7 8 9 0 A B C D E F G H I J K L M N O P Q R S U V W X Y Z a b c d e"),
    (21, "1 2 3"),
    (22, "1 2 3 4 5 6 7 8 9 A B C D E F G H I J"),
    (40, "1 2 3 4 6 7 8 9 D E G I J K L M P"),
    (54, "1 2 3 4 5 6 7 8 9 A B C D E F G"),
    (59, "0 1 2 3 4 5 6 7"),
    (63, "0 1 2 3 4 5 6 7 8 9"),
    (77, "O C R F"),
    (81, "0 1 2 3 4 5 6"),
    (98, "0 1 2 3 4 5 6"),
    (
        167,
        "EUSUPRA FAC FADN PEF SUPRA CORP CPP CB DUAL EUCORP XLINKD STRUCT YANK FOR CS PS BRADY EUSOV TBOND TINT TIPS TCAL TPRN UST USTB TNOTE TBILL REPO FORWARD BUYSELL SECLOAN SECPLEDGE TERM RVLV RVLVTRM BRIDGE LOFC SWING DINP DEFLTED WITHDRN REPLACD MATURED AMENDED RETIRED BA BN BOX CD CL CP DN EUCD EUCP LQN MTN ONITE PN PZFJ STN TD XCN YCD ABS CMBS CMO IET MBS MIO MPO MPP MPT PFAND TBA AN COFO COFP GO MT RAN REV SPCLA SPCLO SPCLT TAN TAXA TECP TRAN VRDN WAR MF MLEG NONE FUT OPT",
    ),
    (201, "0 1"),
    (203, "0 1"),
    (
        233,
        "AMT AUTOREINV BANKQUAL BGNCON COUPON CURRENCY CUSTOMDATE GEOG HAIRCUT INSURED ISSUE ISSUER ISSUESIZE LOOKBACK LOT LOTVAR MAT MATURITY MAXSUBS MINQTY MININCR MINDNOM PAYFREQ PIECES PMAX PPM PPL PPT PRICE PRICEFREQ PROD PROTECT PURPOSE PXSOURCE RATING REDEMPTION RESTRICTED SECTOR SECTYPE STRUCT SUBSFREQ SUBSLEFT TEXT TRDVAR WAC WAL WALA WAM WHOLE YIELD",
    ),
    (
        235,
        "AFTERTAX ANNUAL ATISSUE AVGMATURITY BOOK CALL CHANGE CLOSE COMPOUND CURRENT GROSS GOVTEQUIV INFLATION INVERSEFLOATER LASTCLOSE LASTMONTH LASTQUARTER LASTYEAR LONGAVGLIFE MARK MATURITY NEXTREFUND OPENAVG PUT PREVCLOSE PROCEEDS SEMIANNUAL SHORTAVGLIFE SIMPLE TAXEQUIV TENDER TRUE VALUE1/32 WORST",
    ),
    (347, "ISO-2022-JP EUC-JP Shift_JIS UTF-8"),
    (373, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 99"),
    (385, "S R"),
    (388, "0 1 2 3 4 5 6"),
    (423, "1 2 3 4 5 6 7 8 9 10 11"),
    (427, "0 1 2"),
    (447, "B C D E F G H 1 2 3 4 5 6 7 8 9 A I"),
    (452, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38"),
    (460, "1 2 3 4 5 6 7 8 9 10 11 12 13"),
    (468, "0 1 2"),
    (480, "Y N M O"),
    (481, "Y N 1 2 3"),
    (497, "Y N"),
    (528, "A G I P R W"),
    (529, "1 2 3 4 5 6 7 8 9 A"),
    (544, "1 2 3"),
    (581, "1 2 3 4 6 7 8"),
    (582, "1 2 3 4"),
    (589, "0 1 2"),
    (590, "0 1 2"),
    (591, "0 1"),
    (635, "B C E F H I L M 1 2 3 4 5 9"),
    (660, "1 2 3 4 5 99"),
    (775, "0 1 2"),
    (788, "1 2 3 4"),
    (803, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26"),
    (835, "0 1"),
    (836, "0 1 2 3"),
    (837, "0 1 2"),
    (838, "1 2"),
    (840, "1 2 3 4"),
    (841, "0 1"),
    (842, "0 1 2 3"),
    (843, "0 1 2"),
    (844, "1 2"),
    (846, "1 2 3 4"),
    (847, "1 2 3"),
    (854, "0 1"),
    (865, "1 2 3 4 99"),
    (875, "1 2 99"),
    (919, "0 1 2 3"),
];

/// Fields of the standard header, ascending.
pub(super) const HEADER: &[u16] = &[
    8, 9, 34, 35, 43, 49, 50, 52, 56, 57, 90, 91, 97, 115, 116, 122, 128, 129, 142, 143, 144, 145, 212, 213, 347, 369, 627, 628,
    629, 630,
];

/// Fields that every header has.
pub(super) const HEADER_REQUIRED: &[u16] = &[34, 49, 52, 56];

/// Fields of the trailer, ascending.
pub(super) const TRAILER: &[u16] = &[10, 89, 93];

/// Repeating groups: the count, and the members, of which the first begins each entry. Nested groups are part of their parent's.
pub(super) const GROUPS: &[Group] = &[
    Group { count: 78, members: &[79, 661, 736, 467, 539, 524, 525, 538, 804, 545, 805, 80] },
    Group { count: 232, members: &[233, 234] },
    Group { count: 384, members: &[372, 385] },
    Group { count: 386, members: &[336, 625] },
    Group { count: 453, members: &[448, 447, 452, 802, 523, 803] },
    Group { count: 454, members: &[455, 456] },
    Group { count: 627, members: &[628, 629, 630] },
    Group {
        count: 711,
        members: &[
            311, 312, 309, 305, 457, 458, 459, 462, 463, 310, 763, 313, 542, 315, 241, 242, 243, 244, 245, 246, 256, 595, 592, 593,
            594, 247, 316, 941, 317, 436, 435, 308, 306, 362, 363, 307, 364, 365, 877, 878, 318, 879, 810, 882, 883, 884, 885, 886,
            887, 888, 889,
        ],
    },
    Group { count: 864, members: &[865, 866, 867, 868] },
];

/// The messages that are read, by type.
pub(super) const MESSAGES: &[MessageFields] = &[
    // Heartbeat
    MessageFields {
        #[cfg(test)]
        msg_type: b"0",
        required: &[],
        defined: &[112],
    },
    // TestRequest
    MessageFields {
        #[cfg(test)]
        msg_type: b"1",
        required: &[112],
        defined: &[112],
    },
    // ResendRequest
    MessageFields {
        #[cfg(test)]
        msg_type: b"2",
        required: &[7, 16],
        defined: &[7, 16],
    },
    // Reject
    MessageFields {
        #[cfg(test)]
        msg_type: b"3",
        required: &[45],
        defined: &[45, 58, 354, 355, 371, 372, 373],
    },
    // SequenceReset
    MessageFields {
        #[cfg(test)]
        msg_type: b"4",
        required: &[36],
        defined: &[36, 123],
    },
    // Logout
    MessageFields {
        #[cfg(test)]
        msg_type: b"5",
        required: &[],
        defined: &[58, 354, 355],
    },
    // Logon
    MessageFields {
        #[cfg(test)]
        msg_type: b"A",
        required: &[98, 108],
        defined: &[95, 96, 98, 108, 141, 372, 383, 384, 385, 464, 553, 554, 789],
    },
    // NewOrderSingle
    MessageFields {
        #[cfg(test)]
        msg_type: b"D",
        required: &[11, 54, 60, 40],
        defined: &[
            1, 11, 12, 13, 15, 18, 21, 22, 23, 38, 40, 44, 48, 54, 55, 58, 59, 60, 63, 64, 65, 70, 75, 77, 78, 79, 80, 81, 99, 100,
            106, 107, 110, 111, 114, 117, 120, 121, 126, 140, 152, 167, 168, 192, 193, 200, 201, 202, 203, 206, 207, 210, 211, 218,
            220, 221, 222, 223, 224, 225, 226, 227, 228, 229, 231, 232, 233, 234, 235, 236, 239, 240, 241, 242, 243, 244, 245, 246,
            247, 255, 256, 305, 306, 307, 308, 309, 310, 311, 312, 313, 315, 316, 317, 318, 336, 348, 349, 350, 351, 354, 355, 362,
            363, 364, 365, 376, 377, 386, 388, 389, 423, 427, 432, 435, 436, 447, 448, 452, 453, 454, 455, 456, 457, 458, 459, 460,
            461, 462, 463, 467, 468, 469, 470, 471, 472, 479, 480, 481, 494, 497, 513, 516, 523, 524, 525, 526, 528, 529, 538, 539,
            541, 542, 543, 544, 545, 581, 582, 583, 589, 590, 591, 592, 593, 594, 595, 625, 635, 640, 660, 661, 662, 663, 667, 691,
            696, 697, 698, 699, 701, 711, 736, 761, 762, 763, 775, 788, 802, 803, 804, 805, 810, 835, 836, 837, 838, 840, 841, 842,
            843, 844, 846, 847, 848, 849, 854, 864, 865, 866, 867, 868, 873, 874, 875, 876, 877, 878, 879, 882, 883, 884, 885, 886,
            887, 888, 889, 898, 913, 914, 915, 916, 917, 918, 919, 941, 947,
        ],
    },
    // OrderCancelRequest
    MessageFields {
        #[cfg(test)]
        msg_type: b"F",
        required: &[41, 11, 54, 60],
        defined: &[
            1, 11, 22, 37, 38, 41, 48, 54, 55, 58, 60, 65, 66, 106, 107, 152, 167, 200, 201, 202, 206, 207, 223, 224, 225, 226,
            227, 228, 231, 239, 240, 241, 242, 243, 244, 245, 246, 247, 255, 256, 305, 306, 307, 308, 309, 310, 311, 312, 313, 315,
            316, 317, 318, 348, 349, 350, 351, 354, 355, 362, 363, 364, 365, 376, 435, 436, 447, 448, 452, 453, 454, 455, 456, 457,
            458, 459, 460, 461, 462, 463, 468, 469, 470, 471, 472, 516, 523, 526, 541, 542, 543, 581, 583, 586, 592, 593, 594, 595,
            660, 667, 691, 711, 762, 763, 788, 802, 803, 810, 864, 865, 866, 867, 868, 873, 874, 875, 876, 877, 878, 879, 882, 883,
            884, 885, 886, 887, 888, 889, 898, 913, 914, 915, 916, 917, 918, 919, 941, 947,
        ],
    },
    // OrderCancelReplaceRequest
    MessageFields {
        #[cfg(test)]
        msg_type: b"G",
        required: &[41, 11, 54, 60, 40],
        defined: &[
            1, 11, 12, 13, 15, 18, 21, 22, 37, 38, 40, 41, 44, 48, 54, 55, 58, 59, 60, 63, 64, 65, 66, 70, 75, 77, 78, 79, 80, 99,
            100, 106, 107, 110, 111, 114, 120, 121, 126, 152, 167, 168, 192, 193, 200, 201, 202, 203, 206, 207, 210, 211, 218, 220,
            221, 222, 223, 224, 225, 226, 227, 228, 229, 231, 235, 236, 239, 240, 241, 242, 243, 244, 245, 246, 247, 255, 256, 305,
            306, 307, 308, 309, 310, 311, 312, 313, 315, 316, 317, 318, 336, 348, 349, 350, 351, 354, 355, 362, 363, 364, 365, 376,
            377, 386, 388, 389, 423, 427, 432, 435, 436, 447, 448, 452, 453, 454, 455, 456, 457, 458, 459, 460, 461, 462, 463, 467,
            468, 469, 470, 471, 472, 479, 480, 481, 494, 497, 513, 516, 523, 524, 525, 526, 528, 529, 538, 539, 541, 542, 543, 544,
            545, 581, 582, 583, 586, 589, 590, 591, 592, 593, 594, 595, 625, 635, 640, 660, 661, 662, 663, 667, 691, 696, 697, 698,
            699, 701, 711, 736, 761, 762, 763, 775, 788, 802, 803, 804, 805, 810, 835, 836, 837, 838, 840, 841, 842, 843, 844, 846,
            847, 848, 849, 854, 864, 865, 866, 867, 868, 873, 874, 875, 876, 877, 878, 879, 882, 883, 884, 885, 886, 887, 888, 889,
            898, 913, 914, 915, 916, 917, 918, 919, 941, 947,
        ],
    },
    // OrderStatusRequest
    MessageFields {
        #[cfg(test)]
        msg_type: b"H",
        required: &[11, 54],
        defined: &[
            1, 11, 22, 37, 48, 54, 55, 65, 106, 107, 167, 200, 201, 202, 206, 207, 223, 224, 225, 226, 227, 228, 231, 239, 240,
            241, 242, 243, 244, 245, 246, 247, 255, 256, 305, 306, 307, 308, 309, 310, 311, 312, 313, 315, 316, 317, 318, 348, 349,
            350, 351, 362, 363, 364, 365, 435, 436, 447, 448, 452, 453, 454, 455, 456, 457, 458, 459, 460, 461, 462, 463, 470, 471,
            472, 523, 526, 541, 542, 543, 583, 592, 593, 594, 595, 660, 667, 691, 711, 762, 763, 788, 790, 802, 803, 810, 864, 865,
            866, 867, 868, 873, 874, 875, 876, 877, 878, 879, 882, 883, 884, 885, 886, 887, 888, 889, 898, 913, 914, 915, 916, 917,
            918, 919, 941, 947,
        ],
    },
];

/// All other types of FIX 4.4, between spaces.
pub(super) const OTHER_TYPES: &str = "6 7 8 9 AA AB AC AD AE AF AG AH AI AJ AK AL AM AN AO AP AQ AR AS AT AU AV AW AX AY AZ B BA BB BC BD BE BF BG BH C E J K L M N P Q R S T V W X Y Z a b c d e f g h i j k l m n o p q r s t u v w x y z";
