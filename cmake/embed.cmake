# fw_embed(TARGET ASSETS...): puts files of web/ into TARGET as the table page_assets (src/web/page.h).
# An asset is NAME=FILE[+FILE...]; what cmake/vendor.cmake fetched may be among them. Several modules become one
# script: they are joined in this order, and their imports and the word `export` are left out, so their top-level names must differ. An import
# stands on a line of its own. Scripts lose the blanks that begin their lines.
#
# The same file is the script that does the work at build time.
if(CMAKE_SCRIPT_MODE_FILE)
    set(arrays "")
    set(rows "")
    foreach(asset IN LISTS ASSETS)
        string(REGEX MATCH "^([^=]+)=(.+)$" found ${asset})
        set(name ${CMAKE_MATCH_1})
        string(REPLACE "+" ";" files ${CMAKE_MATCH_2})
        set(hex "")
        foreach(file IN LISTS files)
            if(EXISTS ${VENDOR}/${file})
                file(READ ${VENDOR}/${file} text)
            else()
                file(READ ${WEB}/${file} text)
            endif()
            string(REGEX REPLACE "\nimport [^\n]*" "\n" text "\n${text}")
            string(REGEX REPLACE "\nexport " "\n" text "${text}")
            if(file MATCHES "\\.js$")
                string(REGEX REPLACE "\n +" "\n" text "${text}")
            endif()
            string(HEX "${text}" part)
            string(SUBSTRING ${part} 2 -1 part) # the newline that was put in front
            string(APPEND hex ${part})
        endforeach()
        string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
        string(MAKE_C_IDENTIFIER "asset_${name}" symbol)
        string(APPEND arrays "static const unsigned char ${symbol}[] = {${bytes}0};\n")
        string(APPEND rows "    {\"${name}\", ${symbol}, sizeof ${symbol} - 1},\n")
    endforeach()
    file(WRITE ${OUT} "/* Made from web/ by cmake/embed.cmake. */\n#include \"web/page.h\"\n"
        "${arrays}const struct page_asset page_assets[] = {\n${rows}    {NULL, NULL, 0},\n};\n")
    return()
endif()

set(FW_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(fw_embed target)
    set(out ${CMAKE_BINARY_DIR}/page_assets.c)
    file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/*)
    add_custom_command(OUTPUT ${out} DEPENDS ${files} ${FW_EMBED_SCRIPT} ${FW_VENDOR}/uplot.js VERBATIM
        COMMENT "Embedding web/"
        COMMAND ${CMAKE_COMMAND} "-DASSETS=${ARGN}" -DWEB=${CMAKE_SOURCE_DIR}/web -DVENDOR=${FW_VENDOR} -DOUT=${out}
                -P ${FW_EMBED_SCRIPT})
    target_sources(${target} PRIVATE ${out})
endfunction()
